import { setTimeout as delay } from 'node:timers/promises'
import { now } from './clock.ts'
import { type Fleet, goKitFleet } from './fleet.ts'
import { type Spread, spread } from './numbers.ts'
import { type Program, startGo, startNode } from './program.ts'
import type { Scene } from './scene.ts'
import { warmUp } from './warm.ts'

/** From the put's being sent until the listener is told, in milliseconds, by listener. */
export type LatencyResults = Readonly<Record<string, Spread>>

interface Runner {
  readonly name: string
  readonly fleet: Fleet
  readonly listener: Program
  readonly times: number[]
  /** How many changes it is given, as a share of all. */
  readonly share: number
}

/**
 * Every listener has `size` instances under a prefix of its own, so that a put wakes one of them only; they take turns, put after put,
 * and the next put waits until this one was seen.
 */
export async function measureLatency(scene: Scene, size: number, puts: number): Promise<LatencyResults> {
  const { client, etcd, goMissing } = scene
  const runners: Runner[] = []

  async function add(name: string, share: number, compiles: boolean, start: (args: readonly string[]) => Promise<Program>): Promise<void> {
    scene.note(`latency: ${name} with ${size} instances`)
    const fleet = goKitFleet(client, `/latency/${name}/`)
    await fleet.grow(size)
    const listener = await start([etcd.address, fleet.prefix])
    if (compiles) await warmUp(fleet, listener, 4 * puts)
    await listener.ask('tell')
    runners.push({ name, fleet, listener, times: [], share })
  }

  await add('beckon', 1, true, (args) => startNode('beckon', args))
  if (goMissing === undefined) {
    await add('bareWatch', 1, false, (args) => startGo(['watch', ...args]))
    await add('go-kit', 0.1, false, (args) => startGo(['go-kit', ...args]))
  }
  await add('etcd3', 0.2, true, (args) => startNode('etcd3', args))
  // The first tenth is not counted: the bench's own functions are being compiled.
  const early = Math.ceil(puts / 10)
  for (let i = -early; i < puts; i++) {
    for (const runner of i % 2 === 0 ? runners : runners.toReversed()) {
      const turns = Math.round(1 / runner.share)
      if (i % turns !== 0) continue
      const ms = await once(runner)
      if (i >= 0) runner.times.push(ms)
      await delay(1 + 2 * Math.random())
    }
  }
  await Promise.all(runners.map(({ listener }) => listener.stop()))
  return Object.fromEntries(runners.map(({ name, times }) => [name, spread(times)]))
}

async function once({ fleet, listener }: Runner): Promise<number> {
  const begin = now()
  const [, { at = 0 }] = await Promise.all([fleet.change(), listener.ask()])
  return at - begin
}
