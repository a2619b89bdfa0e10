import fc from 'fast-check'
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { type DevRegistry, startRegistry } from '../../src/dev/index.ts'
import { WatchCreateRequest_FilterType as Filter, KV } from '../../src/gen/etcd/rpc_pb.ts'
import { type EtcdProcess, etcdMissing, requireEtcd, startEtcd } from '../support/etcd.ts'
import { compaction, type Operation, operation } from './operations.ts'
import { bytes, eventsOf, outcome, type Peer, peer, plain, type WatchCall, watch } from './peer.ts'

const seeds = [1, 2, 3, 4, 5, 6]
const watches = [
  { key: bytes('\0'), rangeEnd: bytes('\0') },
  { key: bytes('a'), rangeEnd: bytes('b'), prevKv: true },
  { key: bytes('k/1'), prevKv: true },
  { key: bytes('ab'), rangeEnd: bytes('\0'), filters: [Filter.NOPUT] },
  { key: bytes('\xff'), rangeEnd: bytes('\0'), filters: [Filter.NODELETE], fragment: true },
  { key: bytes('aa'), rangeEnd: bytes('k/2') },
]

describe('the embedded registry, beside etcd', () => {
  let etcd: EtcdProcess
  let registry: DevRegistry
  let ours: Peer
  let theirs: Peer
  let calls: readonly WatchCall[]

  beforeEach(requireEtcd)

  beforeAll(async () => {
    if (etcdMissing() !== undefined) return
    etcd = await startEtcd()
    registry = await startRegistry()
    ours = peer(registry.address)
    theirs = peer(etcd.address)
    calls = [watch(ours, ...watches), watch(theirs, ...watches)]
    await vi.waitFor(() => expect(calls.map((call) => call.received.length)).toEqual([6, 6]), { timeout: 10_000 })
  })

  afterAll(async () => {
    if (etcdMissing() !== undefined) return
    for (const call of calls) call.cancel()
    ours.close()
    theirs.close()
    await registry.close()
    await etcd.stop()
  })

  async function run(make: Operation): Promise<void> {
    const revision = BigInt(registry.revision)
    const { method, request } = make(revision)
    const [mine, real] = await Promise.all([outcome(ours.call(method, request as never)), outcome(theirs.call(method, request as never))])
    // etcd lists the keys of a lease in no order, and a second may have passed on one side.
    if (method.name === 'LeaseTimeToLive') {
      for (const one of [mine, real] as { TTL: unknown; keys: string[] }[]) {
        one.TTL = 'some'
        one.keys.sort()
      }
    }
    expect(mine, `${method.name} ${JSON.stringify(plain(request))} at ${revision}`).toEqual(real)
  }

  async function sameHistory([mine, real]: readonly WatchCall[]): Promise<void> {
    for (const id of watches.keys()) {
      const seen = () => [mine, real].map((call) => (call === undefined ? [] : eventsOf(call, BigInt(id)).map((event) => plain(event))))
      await expect.poll(() => seen().map((events) => events.length), { timeout: 10_000 }).toSatisfy(([a, b]) => a === b)
      const [here = [], there = []] = seen()
      for (const [i, event] of here.entries()) expect(event, `watch ${id}, event ${i}`).toEqual(there[i])
    }
  }

  /** Both have told of everything up to now. */
  async function told(): Promise<void> {
    const now = BigInt(registry.revision)
    await expect
      .poll(() => calls.map((call) => eventsOf(call, 0n).at(-1)?.kv?.modRevision === now || now === 1n), { timeout: 10_000 })
      .toEqual([true, true])
  }

  it.each(seeds)('answers every call alike, run %i', async (seed) => {
    for (const make of fc.sample(operation, { seed, numRuns: 400 })) await run(make)
    await told()
    await sameHistory(calls)
  })

  it.each(seeds)('answers alike when history is forgotten, run %i', async (seed) => {
    for (let i = 0; i < 5; i++) {
      for (const make of fc.sample(operation, { seed: 1000 * seed + i, numRuns: 40 })) await run(make)
      await told()
      await sameHistory(calls)
      for (const make of fc.sample(compaction, { seed: 1000 * seed + i, numRuns: 1 })) await run(make)
    }
  })

  it('replays the same history', async () => {
    const status = await outcome(theirs.call(KV.method.compact, { revision: BigInt(registry.revision - 20), physical: true }))
    expect(await outcome(ours.call(KV.method.compact, { revision: BigInt(registry.revision - 20), physical: true }))).toEqual(status)
    for (const make of fc.sample(operation, { seed: 99, numRuns: 300 })) await run(make)
    for (const since of [registry.revision - 15, registry.revision - 1, registry.revision, registry.revision + 1]) {
      const again = [ours, theirs].map((one) => watch(one, ...watches.map((one) => ({ ...one, startRevision: BigInt(since) }))))
      await run(() => ({ method: KV.method.put, request: { key: bytes('k/1'), value: bytes('last') } }))
      await sameHistory(again)
      for (const call of again) call.cancel()
    }
  })
})
