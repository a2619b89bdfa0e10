import { setTimeout as delay } from 'node:timers/promises'
import type { Fleet } from './fleet.ts'
import { median, rounded, until } from './numbers.ts'
import { cpuOf, type Program, startGo, startNode } from './program.ts'
import { countingProxy } from './proxy.ts'
import type { Scene } from './scene.ts'

/** What one change costs. */
export interface ChangeFigures {
  /** Processor time of the listener's process, in microseconds. */
  readonly cpuUs: number
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
  /** The most instances that it is measured with. */
  readonly max?: number
  start(address: string): Promise<Program>
  /** How a listener that does not watch is told to look; resolves when it has seen the change. */
  look?(listener: Program): Promise<unknown>
}

/** Every listener with every number of instances; `rounds` times about `ms` milliseconds each. */
export async function measureChange(scene: Scene, sizes: readonly number[], rounds: number, ms: number): Promise<ChangeResults> {
  const results: Record<string, Record<string, ChangeFigures>> = {}
  for (const size of sizes) {
    for (const peer of peersOf(scene)) {
      if (size > (peer.max ?? Number.POSITIVE_INFINITY)) continue
      scene.note(`change: ${peer.name} with ${size} instances`)
      await peer.fleet.grow(size)
      const figures = { ...(await processorTime(scene, peer, rounds, ms)), bytes: await bytes(scene, peer) }
      results[peer.name] = { ...results[peer.name], [size]: figures }
    }
  }
  return results
}

/** Moleculer asks for every node by itself, and compares all with all: minutes at 100,000. */
const moleculerMax = 10_000

function peersOf({ goKitFleet: fleet, moleculerFleet, goMissing }: Scene): readonly Peer[] {
  const go = (name: string, kind: string): Peer => ({ name, fleet, start: (address) => startGo([kind, address, fleet.prefix]) })
  const node = (name: string): Peer => ({ name, fleet, start: (address) => startNode(name, [address, fleet.prefix]) })
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
  const { etcd } = scene
  const listener = await peer.start(etcd.address)
  try {
    let pace = await paceOf(peer, listener)
    // Rounds that are not counted: compilers are at work. Who takes long for a change has compiled by then.
    let warming = 4 * pace < ms ? rounds : 0
    const listening: number[] = []
    const serving: number[] = []
    while (listening.length < rounds) {
      const count = Math.max(4, Math.round(ms / pace))
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
      const seen = (after.changes ?? 0) - (before.changes ?? 0)
      if (warming > 0) {
        warming -= 1
      } else if (seen === count) {
        listening.push(((after.cpuUs ?? 0) - (before.cpuUs ?? 0)) / count)
        if (etcdBefore !== undefined && etcdAfter !== undefined) serving.push((etcdAfter - etcdBefore) / count)
      } else {
        pace *= 2
        if (pace > 20_000) throw new Error(`${peer.name} has seen ${seen} of ${count} changes`)
      }
    }
    const listMs = rounded(listener.ready.listMs ?? 0)
    return { cpuUs: rounded(median(listening)), etcdCpuUs: rounded(median(serving)), listMs }
  } finally {
    await listener.stop()
  }
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
