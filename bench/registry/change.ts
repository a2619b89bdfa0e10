import { setTimeout as delay } from 'node:timers/promises'
import type { Fleet } from './fleet.ts'
import { median, rounded, until } from './numbers.ts'
import { cpuOf, type Program, startGo, startNode } from './program.ts'
import { countingProxy } from './proxy.ts'
import type { Scene } from './scene.ts'
import { warmUp } from './warm.ts'

/** What one change costs. */
export interface ChangeFigures {
  /** Processor time of the listener's process, in microseconds, when compilers have done what they will. */
  readonly cpuUs: number
  /** The same of its first changes. */
  readonly firstCpuUs: number
  /** Bytes that the listener received, HTTP/2's framing and all. */
  readonly bytes: number
  /** Processor time of etcd, the writing of the change included, in microseconds. */
  readonly etcdCpuUs: number
  /** From its start until it knew the whole set, in milliseconds. */
  readonly listMs: number
}

/** By listener and number of instances. */
export type ChangeResults = Readonly<Record<string, Readonly<Record<string, ChangeFigures>>>>

interface Peer {
  readonly name: string
  readonly fleet: Fleet
  /** Its functions are compiled once they have been called often. */
  readonly compiles?: true
  /** The most instances that it is measured with. */
  readonly max?: number
  start(address: string): Promise<Program>
  /** How a listener that does not watch is told to look; resolves when it has seen the change. */
  look?(listener: Program): Promise<unknown>
}

/** Every listener with every number of instances; `rounds` times about `ms` milliseconds each. A Moleculer that fails is left out. */
export async function measureChange(scene: Scene, sizes: readonly number[], rounds: number, ms: number): Promise<ChangeResults> {
  const results: Record<string, Record<string, ChangeFigures>> = {}
  for (const size of sizes) {
    for (const peer of peersOf(scene)) {
      if (size > (peer.max ?? Number.POSITIVE_INFINITY)) continue
      scene.note(`change: ${peer.name} with ${size} instances`)
      await peer.fleet.grow(size)
      try {
        const figures = { ...(await processorTime(scene, peer, rounds, ms)), bytes: await bytes(scene, peer) }
        results[peer.name] = { ...results[peer.name], [size]: figures }
      } catch (error) {
        // Now and then its discoverer never tells of a change.
        if (peer.name !== 'moleculer') throw error
        scene.note(`change: moleculer with ${size} instances is left out: ${(error as Error).message.trimEnd()}`)
      }
    }
  }
  return results
}

/** Moleculer asks for every node by itself, and compares all with all: minutes at 100,000. */
const moleculerMax = 10_000

function peersOf({ goKitFleet: fleet, moleculerFleet, goMissing }: Scene): readonly Peer[] {
  const go = (name: string, kind: string): Peer => ({ name, fleet, start: (address) => startGo([kind, address, fleet.prefix]) })
  const node = (name: string): Peer => ({ name, fleet, compiles: true, start: (address) => startNode(name, [address, fleet.prefix]) })
  return [
    node('beckon'),
    ...(goMissing === undefined ? [go('go-kit', 'go-kit'), go('bareWatch', 'watch')] : []),
    node('etcd3'),
    {
      name: 'moleculer',
      fleet: moleculerFleet,
      max: moleculerMax,
      start: (address) => startNode('moleculer', [address, '']),
      look: (listener) => listener.ask('collect'),
    },
  ]
}

async function processorTime(scene: Scene, peer: Peer, rounds: number, ms: number): Promise<Omit<ChangeFigures, 'bytes'>> {
  const listener = await peer.start(scene.etcd.address)
  try {
    let pace = await paceOf(peer, listener)
    /** Repeated more slowly where the listener cannot follow. */
    const round = async (): Promise<Round> => {
      for (; pace <= 20_000; pace *= 2) {
        const found = await once(scene, peer, listener, Math.max(4, Math.round(ms / pace)), pace)
        if (found !== undefined) return found
      }
      throw new Error(`${peer.name} does not see as many changes as there are`)
    }
    const first = await round()
    if (peer.compiles) await warmUp(peer.fleet, listener, 4 * ms)
    const all: Round[] = []
    while (all.length < rounds) all.push(await round())
    const etcdCpuUs = rounded(median(all.flatMap(({ serving }) => serving ?? [])))
    const cpuUs = rounded(median(all.map(({ listening }) => listening)))
    return { cpuUs, firstCpuUs: rounded(first.listening), etcdCpuUs, listMs: rounded(listener.ready.listMs ?? 0) }
  } finally {
    await listener.stop()
  }
}

/** Processor time per change, in microseconds. */
interface Round {
  readonly listening: number
  readonly serving: number | undefined
}

/** So many changes, `pace` milliseconds apart; undefined when the listener has not seen every one of them. */
async function once({ etcd }: Scene, peer: Peer, listener: Program, count: number, pace: number): Promise<Round | undefined> {
  const before = await listener.ask('usage')
  const etcdBefore = cpuOf(etcd.pid)
  for (let i = 0; i < count; i++) {
    const next = delay(pace)
    await change(peer, listener)
    await next
  }
  await delay(5 * pace)
  const after = await listener.ask('usage')
  const etcdAfter = cpuOf(etcd.pid)
  if ((after.changes ?? 0) - (before.changes ?? 0) !== count) return undefined
  const serving = etcdBefore === undefined || etcdAfter === undefined ? undefined : (etcdAfter - etcdBefore) / count
  return { listening: ((after.cpuUs ?? 0) - (before.cpuUs ?? 0)) / count, serving }
}

async function change(peer: Peer, listener: Program): Promise<void> {
  await peer.fleet.change()
  await peer.look?.(listener)
}

/** The milliseconds between changes that the listener can follow, and the writer. */
async function paceOf(peer: Peer, listener: Program): Promise<number> {
  const times: number[] = []
  while (times.length < 8) times.push(await seenChange(peer, listener))
  return Math.max(5, 2 * median(times))
}

/** Changes something and waits until it was seen; resolves with how long that took, in milliseconds. */
async function seenChange(peer: Peer, listener: Program): Promise<number> {
  const changes = async (): Promise<number> => (await listener.ask('usage')).changes ?? 0
  const before = await changes()
  const begin = performance.now()
  await change(peer, listener)
  await until(`${peer.name} has seen a change`, async () => (await changes()) > before)
  return performance.now() - begin
}

/** What goes over the listener's connection, measured apart, since being in between costs time. */
async function bytes(scene: Scene, peer: Peer): Promise<number> {
  const proxy = await countingProxy(scene.etcd.address)
  const listener = await peer.start(proxy.address)
  try {
    await seenChange(peer, listener)
    await delay(100)
    const count = 10
    const before = proxy.received
    for (let i = 0; i < count; i++) await seenChange(peer, listener)
    await delay(100)
    return Math.round((proxy.received - before) / count)
  } finally {
    await listener.stop()
    proxy.close()
  }
}
