import { create, toBinary } from '@bufbuild/protobuf'
import { describe, expect, it, vi } from 'vitest'
import type { Endpoint } from '../../src/endpoint.ts'
import type { Connection, ConnectionState, Listener } from '../../src/transport.ts'
import { Lifetime } from '../../src/transports/grpc/lifetime.ts'
import { toServerSettings } from '../../src/transports/grpc/server-limits.ts'
import { grpc, type ServerLimits } from '../../src/transports/grpc.ts'
import { EchoMessageSchema } from '../gen/echo_pb.ts'
import { contextOf, failure, method } from '../support/context.ts'
import { until } from '../support/echo.ts'
import { startProxy } from '../support/proxy.ts'
import { frame, message, preface, rawPeer, request } from '../support/raw-http2.ts'

const hello = create(EchoMessageSchema, { text: 'hello' })

interface Pair extends AsyncDisposable {
  readonly listener: Listener
  readonly connection: Connection
  readonly states: ConnectionState[]
  /** Lets the calls go that wait. */
  release(): void
}

async function pair(server: ServerLimits): Promise<Pair> {
  let release = (): void => {}
  const released = new Promise<void>((resolve) => {
    release = resolve
  })
  const endpoint: Endpoint = async (request) => {
    if ((request as { text: string }).text === 'wait') await released
    return request
  }
  const listener = await grpc({ server }).listen(() => ({ method: method('unary'), endpoint }), { address: '127.0.0.1:0' })
  const states: ConnectionState[] = []
  const connection = grpc().dial(listener.address, { onState: (state) => states.push(state) })
  await connection.call(hello, contextOf())
  return {
    listener,
    connection,
    states,
    release,
    async [Symbol.asyncDispose]() {
      release()
      await connection.close()
      await listener.close()
    },
  }
}

const wait = create(EchoMessageSchema, { text: 'wait' })

describe('a connection of a server', () => {
  it('that is too old takes no new calls and ends with those under way', async () => {
    await using one = await pair({ maxAge: 1000 })
    const call = one.connection.call(wait, contextOf())
    await until('it drains', () => one.states.at(-1) === 'draining')
    expect(await failure(one.connection.call(hello, contextOf()))).toMatchObject({ code: 'unavailable', unprocessed: true })
    one.release()
    expect(await call).toMatchObject({ text: 'wait' })
    await until('it is closed', () => one.states.at(-1) === 'closed')
  })

  it('that is too old is cut after its grace', async () => {
    await using one = await pair({ maxAge: 1000, maxAgeGrace: 100 })
    expect(await failure(one.connection.call(wait, contextOf()))).toMatchObject({ code: 'unavailable', unprocessed: false })
  })

  it('that is too old when its server stops takes back nothing of what it has said: it has processed no more calls than that', async () => {
    await using one = await pair({ maxAge: 50 })
    using peer = await rawPeer(one.listener.address)
    const call = (id: number): Buffer =>
      Buffer.concat([frame(1, 4, id, request(method('unary').path)), frame(0, 1, id, message(toBinary(EchoMessageSchema, wait)))])
    const goaways = (): number[] => peer.frames.filter(({ type }) => type === 7).map(({ payload }) => payload.readUInt32BE(0))
    peer.send(preface, frame(4, 0, 0), call(1))
    await until('it takes no new calls', () => goaways().length === 2)
    peer.send(call(3))
    const closed = one.listener.close({ grace: 200 })
    await until('it is closed', () => peer.closed)
    await closed
    expect(goaways()).toEqual([0x7fffffff, 1, 1, 1])
  })

  it.each([
    [0, 90],
    [0.999, 110],
  ])('is given an age a little off, by chance (%d)', async (chance, expected) => {
    const before = performance.now()
    await using one = await pair({ maxAge: 100, random: () => chance })
    await until('it drains', () => one.states.includes('draining'))
    expect(performance.now() - before).toBeGreaterThan(expected - 2)
  })

  it('without calls is closed, and with calls is not', async () => {
    await using one = await pair({ idleTimeout: 500 })
    const call = one.connection.call(wait, contextOf())
    await new Promise((resolve) => setTimeout(resolve, 900))
    expect(one.connection.state).toBe('ready')
    one.release()
    await call
    await until('it is closed', () => one.states.at(-1) === 'closed')
  })

  it('whose client is silent is asked, and kept when it answers', async () => {
    await using one = await pair({ keepalive: { interval: 1000, timeout: 1000 } })
    await new Promise((resolve) => setTimeout(resolve, 2500))
    expect(one.connection.state).toBe('ready')
  })

  it('whose client does not answer is given up', async () => {
    let ended = false
    const endpoint: Endpoint = (_, { signal }) =>
      new Promise((_resolve, reject) => {
        signal?.addEventListener('abort', () => {
          ended = true
          reject(new Error('gone'))
        })
      })
    const server = { keepalive: { interval: 1000, timeout: 100 } }
    const listener = await grpc({ server }).listen(() => ({ method: method('unary'), endpoint }), { address: '127.0.0.1:0' })
    const proxy = await startProxy(listener.address)
    const connection = grpc().dial(proxy.address)
    const call = failure(connection.call(hello, contextOf()))
    await until('it is ready', () => connection.state === 'ready')
    await new Promise((resolve) => setTimeout(resolve, 50))
    proxy.blackHole()
    await until('the handler hears of it', () => ended)
    await connection.close()
    await call
    await proxy.close()
    await listener.close()
  })
})

describe('the lifetime of a connection', () => {
  it('leaves no timer behind, which would keep all that the connection held', () => {
    const made = vi.spyOn(globalThis, 'setTimeout')
    const repeated = vi.spyOn(globalThis, 'setInterval')
    const cleared = vi.spyOn(globalThis, 'clearTimeout')
    const settings = toServerSettings({ maxAge: 60_000, idleTimeout: 60_000, keepalive: {} })
    const aging = { calls: 0, begun: 0, drain() {}, destroy() {} }
    const lifetime = new Lifetime(settings, aging, { heard: 0, ping() {} })
    lifetime.begin()
    lifetime.end()
    const timers = [...made.mock.results, ...repeated.mock.results].map(({ value }) => value)
    const gone = cleared.mock.calls.map(([timer]) => timer)
    vi.restoreAllMocks()
    // The handshake's, the age's, the idle time's and the keepalive's.
    expect(timers).toHaveLength(4)
    expect(gone).toEqual(expect.arrayContaining(timers))
  })
})
