import { afterEach, describe, expect, it } from 'vitest'
import { protobufService } from '../../src/codecs/protobuf.ts'
import type { Endpoint } from '../../src/endpoint.ts'
import { RpcError } from '../../src/error.ts'
import { type EtcdClient, etcdClient } from '../../src/etcd/index.ts'
import { KV, Lease, Watch, type WatchRequest } from '../../src/gen/etcd/rpc_pb.ts'
import type { Routes } from '../../src/transport.ts'
import { grpc } from '../../src/transports/grpc.ts'
import { failure } from '../support/context.ts'
import { until } from '../support/echo.ts'

const cleanups: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

/** A client of a server that plays etcd with the endpoints given, by path. */
async function play(endpoints: Record<string, Endpoint>): Promise<EtcdClient> {
  return connect(await host(endpoints))
}

/** The address of a server that plays etcd. */
async function host(endpoints: Record<string, Endpoint>): Promise<string> {
  const methods = [KV, Watch, Lease].flatMap((service) => Object.values(protobufService(service).methods))
  const routes: Routes = (path) => {
    const method = methods.find((one) => one.path === path)
    const endpoint = endpoints[path.slice(path.lastIndexOf('/') + 1)]
    return method && endpoint && { method, endpoint }
  }
  const listener = await grpc().listen(routes, { address: '127.0.0.1:0' })
  cleanups.push(() => listener.close())
  return listener.address
}

function connect(...endpoints: string[]): EtcdClient {
  // The first draw is for the endpoint to begin at: the first; the others are for waits.
  let draws = 0
  const client = etcdClient({ endpoints, timeout: 1000, random: () => (draws++ === 0 ? 0 : Math.random()) })
  cleanups.push(() => client.close())
  return client
}

const put = (revision: number) => ({
  type: 0,
  kv: { key: Buffer.from('a'), value: Buffer.from(`${revision}`), modRevision: BigInt(revision) },
})
const header = (revision: number) => ({ revision: BigInt(revision) })
const broken = new RpcError('unavailable', 'broken on purpose')

/** Plays one watch stream after the other; each gets the revision that it was asked to begin at. */
function streams(...plays: ((start: number) => AsyncGenerator<unknown>)[]): { watch: Endpoint; starts: number[] } {
  const starts: number[] = []
  const watch = async (requests: unknown) => {
    const mine = plays[starts.length] ?? plays.at(-1)
    const iterator = (requests as AsyncIterable<WatchRequest>)[Symbol.asyncIterator]()
    const first = await iterator.next()
    const { requestUnion } = first.value as WatchRequest
    const start = requestUnion.case === 'createRequest' ? Number(requestUnion.value.startRevision) : -1
    starts.push(start)
    return mine?.(start)
  }
  return { watch: watch as Endpoint, starts }
}

function follow(client: EtcdClient, startRevision?: number) {
  const revisions: number[] = []
  const batches: number[] = []
  const log: string[] = []
  client.watch({
    prefix: 'a',
    startRevision,
    listener: {
      events(events, revision) {
        revisions.push(...events.map(({ kv }) => kv.modRevision))
        batches.push(revision)
      },
      compacted: (revision) => void log.push(`compacted ${revision}`),
      error: (error) => void log.push(error.message),
    },
  })
  return { revisions, batches, log }
}

const forever = () => new Promise<never>(() => {})

describe('a watch', () => {
  it('loses nothing when its stream breaks twice before the backlog has come', async () => {
    const { watch, starts } = streams(
      async function* () {
        yield { header: header(10), watchId: 1n, created: true }
        yield { header: header(11), watchId: 1n, events: [put(11)] }
        throw broken
      },
      async function* () {
        yield { header: header(20), watchId: 1n, created: true }
        throw broken
      },
      async function* (start) {
        yield { header: header(20), watchId: 1n, created: true }
        yield { header: header(20), watchId: 1n, events: Array.from({ length: 21 - start }, (_, i) => put(start + i)) }
        await forever()
      },
    )
    const { revisions } = follow(await play({ Watch: watch }))
    await until('all events', () => revisions.length >= 10)
    expect(revisions).toEqual([11, 12, 13, 14, 15, 16, 17, 18, 19, 20])
    expect(starts).toEqual([0, 12, 12])
  })

  it('goes on from where it began when no event has come', async () => {
    const { watch, starts } = streams(
      async function* () {
        yield { header: header(10), watchId: 1n, created: true }
        throw broken
      },
      async function* () {
        yield { header: header(15), watchId: 1n, created: true }
        await forever()
      },
    )
    follow(await play({ Watch: watch }))
    await until('the second stream', () => starts.length === 2)
    expect(starts).toEqual([0, 11])
  })

  it('goes on from a progress notification that etcd sent by itself, and not from one that was asked for', async () => {
    const { watch, starts } = streams(
      async function* () {
        yield { header: header(10), watchId: 1n, created: true }
        yield { header: header(30), watchId: 1n }
        yield { header: header(50), watchId: -1n }
        throw broken
      },
      async function* () {
        yield { header: header(60), watchId: 1n, created: true }
        await forever()
      },
    )
    follow(await play({ Watch: watch }))
    await until('the second stream', () => starts.length === 2)
    expect(starts).toEqual([0, 31])
  })

  it('joins fragments, and begins again with those of a response that did not come whole', async () => {
    const { watch, starts } = streams(
      async function* () {
        yield { header: header(10), watchId: 1n, created: true }
        yield { header: header(11), watchId: 1n, events: [put(11), put(11)], fragment: true }
        throw broken
      },
      async function* () {
        yield { header: header(11), watchId: 1n, created: true }
        yield { header: header(11), watchId: 1n, events: [put(11), put(11)], fragment: true }
        yield { header: header(11), watchId: 1n, events: [put(11)], fragment: true }
        yield { header: header(11), watchId: 1n, events: [put(11)] }
        await forever()
      },
    )
    const { revisions, batches } = follow(await play({ Watch: watch }))
    await until('the events', () => revisions.length > 0)
    expect([revisions, batches, starts]).toEqual([[11, 11, 11, 11], [11], [0, 11]])
  })

  it('takes a cancellation without a reason for a break', async () => {
    const { watch, starts } = streams(
      async function* () {
        yield { header: header(10), watchId: 1n, created: true }
        yield { header: header(10), watchId: 1n, canceled: true }
        await forever()
      },
      async function* () {
        yield { header: header(10), watchId: 1n, created: true }
        yield { header: header(11), watchId: 1n, events: [put(11)] }
        await forever()
      },
    )
    const { revisions, log } = follow(await play({ Watch: watch }))
    await until('the event', () => revisions.length > 0)
    expect([starts, log]).toEqual([[0, 11], []])
  })

  it('does not hammer an etcd that ends every stream at once', async () => {
    const { watch, starts } = streams(async function* () {
      yield { header: header(10), watchId: 1n, created: true }
      throw broken
    })
    follow(await play({ Watch: watch }))
    await new Promise((resolve) => setTimeout(resolve, 2000))
    expect(starts.length).toBeGreaterThan(2)
    expect(starts.length).toBeLessThan(30)
  })
})

describe('a call', () => {
  it('is repeated elsewhere when it reads, and not when it writes and may have been processed', async () => {
    let calls = 0
    const refuse: Endpoint = async () => {
      calls += 1
      throw new RpcError('unavailable', 'etcdserver: leader changed')
    }
    const both = connect(await host({ Range: refuse, Put: refuse }), await host({ Range: refuse, Put: refuse }))
    expect((await failure(both.get('a'))).rawMessage).toContain('etcdserver: leader changed')
    expect(calls).toBeGreaterThanOrEqual(2)
    calls = 0
    await failure(both.put('a', '1'))
    expect(calls).toBe(1)
  })

  it('goes elsewhere when nothing is answered where it is', async () => {
    const granted: Endpoint = async () => ({ ID: 7n, TTL: 3n })
    const client = connect(await host({ LeaseGrant: forever as Endpoint }), await host({ LeaseGrant: granted }))
    expect((await client.grant(3000)).id).toBe(7n)
  })

  it('stays where others are answered, and where there is nowhere else', async () => {
    const range: Endpoint = async () => ({ kvs: [] })
    const { watch, starts } = streams(async function* () {
      yield { header: header(10), watchId: 1n, created: true }
      await forever()
    })
    const endpoints = { Range: range, LeaseGrant: forever as Endpoint, Watch: watch }
    const [busy, only] = [connect(await host(endpoints), await host(endpoints)), await play(endpoints)]
    for (const client of [busy, only]) follow(client)
    const refused = [busy, only].map((client) => failure(client.grant(3000)))
    await new Promise((resolve) => setTimeout(resolve, 100))
    await busy.get('a')
    for (const error of await Promise.all(refused)) expect(error.code).toBe('deadline_exceeded')
    expect(starts).toHaveLength(2)
  })

  it('ends at its deadline', async () => {
    const client = await play({ Range: forever as Endpoint })
    const error = await failure(client.get('a', { timeout: 100 }))
    expect(error.code).toBe('deadline_exceeded')
    expect(error.message).toContain(client.name)
  })

  it('ends when its signal says so', async () => {
    const client = await play({ Range: forever as Endpoint })
    const error = await failure(client.range({ key: 'a' }, { signal: AbortSignal.timeout(50) }))
    expect(error.code).toBe('deadline_exceeded')
    const controller = new AbortController()
    const canceled = failure(client.range({ key: 'a' }, { signal: controller.signal }))
    controller.abort()
    expect((await canceled).code).toBe('canceled')
  })

  it('ends in time, and when it is canceled, though a password does not come', async () => {
    const password = () => new Promise<string>(() => {})
    const client = etcdClient({ endpoints: [await host({})], username: 'u', password })
    cleanups.push(() => client.close())
    expect((await failure(client.get('a', { timeout: 50 }))).code).toBe('deadline_exceeded')
    const controller = new AbortController()
    const canceled = failure(client.range({ key: 'a' }, { signal: controller.signal, timeout: 1_000_000 }))
    controller.abort()
    expect((await canceled).code).toBe('canceled')
  })

  it('that etcd calls canceled, which nobody on this side has done, may be tried again', async () => {
    const client = await play({ Range: (() => Promise.reject(new RpcError('canceled', 'context canceled'))) as Endpoint })
    const error = await failure(client.get('a'))
    expect([error.code, error.rawMessage]).toEqual(['unavailable', `${client.name}: context canceled`])
  })

  it('rejects when the client is closed', async () => {
    const client = await play({ Range: forever as Endpoint })
    const pending = failure(client.get('a'))
    await client.close()
    await pending
    expect((await failure(client.get('a'))).message).toContain('the client is closed')
  })
})

describe('a watch of a client that is closed', () => {
  it.each(['before it is asked for', 'while etcd says nothing'])('%s is not created, and that is said at once', async (when) => {
    const client = etcdClient({ endpoints: [await host({ Watch: forever as Endpoint })], timeout: 1_000_000 })
    if (when.startsWith('before')) await client.close()
    const created = failure(client.watch({ prefix: 'a', listener: { events() {}, compacted() {}, error() {} } }).created)
    await client.close()
    const { code, message } = await created
    expect([code, message]).toEqual(['canceled', `canceled: ${client.name}: the client is closed`])
  })
})

it('nobody pauses for a client that is closed', async () => {
  const client = await play({})
  const pause = client.pause(1_000_000)
  await client.close()
  await pause
  await client.pause(1_000_000)
})

describe('a lease', () => {
  it('lives from when its last answered keep-alive was sent, not from when the answer came', async () => {
    const client = await play({
      LeaseGrant: (async () => ({ ID: 7n, TTL: 3n })) as Endpoint,
      LeaseKeepAlive: (async (requests: unknown) =>
        (async function* () {
          for await (const { ID } of requests as AsyncIterable<{ ID: bigint }>) {
            await new Promise((resolve) => setTimeout(resolve, 750))
            yield { ID, TTL: 3n }
          }
        })()) as Endpoint,
    })
    const lease = await client.grant(3000, { heartbeat: 300 })
    const remaining: number[] = []
    for (let i = 0; i < 40; i++) {
      await new Promise((resolve) => setTimeout(resolve, 75))
      remaining.push(lease.remaining)
    }
    expect(Math.max(...remaining.slice(14))).toBeLessThanOrEqual(2260)
    expect(lease.state).toBe('held')
  })
})
