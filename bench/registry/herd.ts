import { setTimeout as delay } from 'node:timers/promises'
import { goMicro } from '../../dist/registries/etcd.js'
import { now } from './clock.ts'
import { watchRush } from './metrics.ts'
import { until } from './numbers.ts'
import { type Program, startNode } from './program.ts'
import { instance } from './records.ts'
import type { Scene } from './scene.ts'

/** What etcd has to do when it comes back to many clients at once. */
export interface HerdFigures {
  readonly clients: number
  /** The most requests and messages on streams in a second, as etcd counts them, taken over 200 ms or for as long as it took to say so. */
  readonly peakPerSecond: number
  /** The longest time it took, in milliseconds. */
  readonly longestLookMs: number
  /** All that came until everything was quiet again. */
  readonly requests: number
  /** How many have been told of a change made right after etcd's first answer, and are registered again, within a minute. */
  readonly current: number
  readonly registered: number
  /** From etcd's first answer until the last of them was told, in milliseconds. */
  readonly currentMs: number
}

/** By whether there is jitter. */
export type HerdResults = Readonly<Record<'jitter' | 'noJitter', HerdFigures>>

const listed = 100
const downtime = 2000
/** How long the herd has until it must have come back, in milliseconds. */
const patience = 60_000

/**
 * `count` clients, each with a connection of its own to the real etcd, a watch on a service of 100 instances, and an instance registered; etcd is
 * killed, and is back two seconds later.
 */
export async function measureHerd(scene: Scene, count: number): Promise<HerdResults> {
  const layout = goMicro()
  const put = async (index: number): Promise<void> => {
    const record = instance('herd', index)
    await scene.client.put(layout.key(record), layout.encode(record), { timeout: 60_000 })
  }
  for (let i = 0; i < listed; i++) await put(i)
  const jitter = await once(scene, count, 'on', listed, put)
  return { jitter, noJitter: await once(scene, count, 'off', listed + 1, put) }
}

async function once(
  scene: Scene,
  count: number,
  jitter: string,
  size: number,
  put: (index: number) => Promise<void>,
): Promise<HerdFigures> {
  const { etcd, note } = scene
  note(`herd: ${count} clients, jitter ${jitter}`)
  const processes = Math.ceil(count / 250)
  const share = Math.ceil(count / processes)
  const starts = Array.from({ length: processes }, (_, i) =>
    startNode('herd', [etcd.address, String(size * count + i * share), String(share), jitter], 120_000),
  )
  const programs = await Promise.all(starts)
  const all = programs.length * share
  try {
    await until('the herd knows the set', async () => (await state(programs, size)).current === all, 60_000, 100)
    await etcd.kill()
    await delay(downtime)
    const rush = watchRush(etcd.address, 200)
    const restarted = etcd.restart()
    await rush.up
    const begin = now()
    await put(size)
    await restarted
    let seen = await state(programs, size + 1)
    for (const end = now() + patience; now() < end && Math.min(seen.current, seen.registered) < all; seen = await state(programs, size + 1))
      await delay(100)
    // Until the readings that follow an outage are through.
    await delay(2000)
    const { peak, total, longest } = await rush.stop()
    const { current, registered, lastAt } = seen
    return {
      clients: all,
      peakPerSecond: peak,
      longestLookMs: longest,
      requests: total,
      current,
      registered,
      currentMs: Math.round(lastAt - begin),
    }
  } finally {
    await Promise.all(programs.map((program) => program.stop()))
  }
}

/** Of all programs together. */
async function state(programs: readonly Program[], size: number): Promise<{ current: number; lastAt: number; registered: number }> {
  const all = await Promise.all(programs.map((program) => program.ask(`current ${size}`)))
  const sum = (name: string): number => all.reduce((total, one) => total + (one[name] ?? 0), 0)
  return { current: sum('current'), registered: sum('registered'), lastAt: Math.max(...all.map(({ lastAt = 0 }) => lastAt)) }
}
