import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { bidi, clientStream, serverStream, unary } from '../../src/codecs/json.ts'
import type { Context, Endpoint } from '../../src/endpoint.ts'
import { RpcError } from '../../src/error.ts'
import type { Headers } from '../../src/headers.ts'
import { defineService } from '../../src/service.ts'
import type { Connection, Listener } from '../../src/transport.ts'
import { grpc } from '../../src/transports/grpc.ts'
import { contextOf, failure, streamOf } from '../support/context.ts'
import { startProxy } from '../support/proxy.ts'

const { methods } = defineService('test.Odd', {
  late: serverStream<object, object>(),
  idle: serverStream<object, object>(),
  plain: serverStream<object, object>(),
  thrown: unary<object, object>(),
  refuses: unary<object, object>(),
  details: unary<object, object>(),
  unencodable: unary<object, object>(),
  trailers: unary<object, object>(),
  streamTrailers: serverStream<object, object>(),
  streamHeaders: serverStream<object, object>(),
  leaves: clientStream<object, { count: number }>(),
  waits: bidi<object, object>(),
})

let late: unknown
const answers: Record<string, (request: never, context: Context) => unknown> = {
  async *Late(_: object, context: Context) {
    context.replyHeaders?.set('x-early', 'yes')
    await new Promise((resolve) => setTimeout(resolve, 50))
    try {
      context.replyHeaders?.set('x-late', 'no')
    } catch (error) {
      late = error
    }
    yield {}
  },
  async *Idle(_: object, { signal }: Context) {
    await new Promise((resolve) => signal?.addEventListener('abort', resolve))
    yield {}
  },
  Plain: () => ({ no: 'stream' }),
  Thrown() {
    throw new RangeError('at once')
  },
  async Refuses(_: object, { replyHeaders, replyTrailers }: Context) {
    replyHeaders?.set('x-before', 'a')
    replyTrailers?.set('x-after', 'b')
    throw new RpcError('aborted', 'no')
  },
  async Details() {
    throw new RpcError('aborted', 'no', { metadata: [['X-Bad', 'a\r\nb']], details: [{ type: 'a.B', value: new Uint8Array([7]) }] })
  },
  Unencodable: () => ({ n: 1n }),
  Trailers(_: object, { replyTrailers }: Context) {
    replyTrailers?.set('grpc-status', '7')
    return {}
  },
  async *StreamTrailers(_: object, { replyTrailers }: Context) {
    replyTrailers?.set('grpc-status', '7')
    yield {}
  },
  async *StreamHeaders(_: object, { replyHeaders }: Context) {
    replyHeaders?.set('grpc-status', '7')
    await new Promise((resolve) => setTimeout(resolve, 50))
    yield {}
  },
  async Leaves(requests: AsyncIterable<object>) {
    let count = 0
    for await (const _ of requests) if (++count === 3) break
    return { count }
  },
  async *Waits(requests: AsyncIterable<object>) {
    for await (const request of requests) yield request
  },
}

let listener: Listener
let connection: Connection
beforeAll(async () => {
  listener = await grpc().listen(
    (path) => {
      const method = Object.values(methods).find((one) => one.path === path)
      const answer = answers[method?.name ?? '']
      // Not async: what a handler throws at once is thrown at the transport.
      return (
        method &&
        answer && {
          method,
          endpoint: ((request: never, context: Context) => {
            const response = answer(request, context)
            return response instanceof Promise ? response : Promise.resolve(response)
          }) as Endpoint,
        }
      )
    },
    { address: 'localhost:0' },
  )
  connection = grpc().dial(listener.address)
})
afterAll(async () => {
  await connection.close()
  await listener.close()
})

describe('a server of gRPC', () => {
  it('sends headers as soon as a stream has to wait, and says so when more are set later', async () => {
    let headers: Headers | undefined
    const context = contextOf({ method: methods.late, onHeaders: (all) => (headers = all) })
    const stream = (await connection.call({}, context)) as AsyncIterable<object>
    expect(headers?.get('x-early')).toBe('yes')
    let count = 0
    for await (const _ of stream) count++
    expect(count).toBe(1)
    expect(late).toMatchObject({ code: 'failed_precondition', message: expect.stringContaining('have been sent') })
  })

  it('sends the headers of a handler that fails as headers', async () => {
    let headers: Headers | undefined
    let trailers: Headers | undefined
    const context = contextOf({ method: methods.refuses, onHeaders: (all) => (headers = all), onTrailers: (all) => (trailers = all) })
    expect(await failure(connection.call({}, context))).toMatchObject({ code: 'aborted', rawMessage: 'no' })
    expect([headers?.get('x-before'), headers?.get('x-after')]).toEqual(['a', undefined])
    expect([trailers?.get('x-before'), trailers?.get('x-after')]).toEqual([undefined, 'b'])
  })

  it('sends an error without metadata that cannot travel, and says so', async () => {
    const error = await failure(connection.call({}, contextOf({ method: methods.details })))
    expect(error).toMatchObject({ code: 'aborted', details: [{ type: 'a.B', value: new Uint8Array([7]) }] })
    expect(error.rawMessage).toMatch(/^no \(header x-bad: /)
    const init = { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{}' }
    const answer = await fetch(`http://${listener.address}${methods.details.path}`, { ...init, signal: AbortSignal.timeout(5000) })
    expect(await answer.json()).toMatchObject({ code: 'aborted', message: 'no' })
  })

  it('lets the caller of an idle stream know that it is there', async () => {
    const stream = (await connection.call({}, contextOf({ method: methods.idle }))) as AsyncGenerator<object>
    await stream.return(undefined)
  })

  it('lets a caller wait for the stream before it sends anything', async () => {
    let send = (): void => {}
    const ready = new Promise<void>((resolve) => {
      send = resolve
    })
    async function* requests(): AsyncGenerator<object> {
      await ready
      yield { first: true }
    }
    const stream = (await connection.call(requests(), contextOf({ method: methods.waits }))) as AsyncIterable<object>
    send()
    for await (const message of stream) expect(message).toEqual({ first: true })
  })

  it.each([
    ['returns no stream', methods.plain, 'internal', /Odd\/Plain/],
    ['throws before it returns', methods.thrown, 'unknown', /at once/],
    ['returns what cannot be encoded', methods.unencodable, 'internal', /Unencodable cannot be sent.*BigInt/],
    ['sets trailers that are not its own', methods.trailers, 'internal', /grpc-status/],
    ['sets such trailers on a stream', methods.streamTrailers, 'internal', /grpc-status/],
    ['sets such headers on a stream that waits', methods.streamHeaders, 'internal', /grpc-status/],
  ] as const)('answers with an error when a handler %s', async (_, method, code, text) => {
    const error = await failure(
      connection.call({}, contextOf({ method })).then(async (response) => {
        for await (const __ of response as AsyncIterable<object>);
      }),
    )
    expect(error.code).toBe(code)
    expect(error.message).toMatch(text)
  })

  it('answers after its handler has left the requests', async () => {
    const many = Array.from({ length: 10_000 }, (_, i) => ({ i, filler: 'x'.repeat(1000) }))
    for (let i = 0; i < 30; i++)
      expect(await connection.call(streamOf(...many), contextOf({ method: methods.leaves }))).toEqual({ count: 3 })
  })
})

describe('room on a connection', () => {
  const filler = { filler: 'x'.repeat(20_000) }
  const rooms = defineService('test.Room', {
    read: unary<object, object>(),
    ignored: clientStream<object, object>(),
    hangs: unary<object, object>(),
    gives: serverStream<object, object>(),
    unknown: unary<object, object>(),
  }).methods
  const handlers: Record<string, (request: never, context: Context) => unknown> = {
    Read: () => filler,
    Ignored: async () => ({}),
    Hangs: () => new Promise(() => {}),
    async *Gives() {
      for (let i = 0; i < 3; i++) yield filler
    },
  }
  const small = { connectionWindow: 65_535, streamWindow: 65_535, maxReceiveBytes: 30_000 }

  it.each([
    ['are answered', rooms.read, filler],
    ['have no method', rooms.unknown, filler],
    ['have no method and fit into one frame', rooms.unknown, { filler: 'x'.repeat(10_000) }],
    ['are over the limit', rooms.read, { filler: 'x'.repeat(40_000) }],
    ['are canceled', rooms.hangs, filler],
    ['have requests that nobody reads', rooms.ignored, filler],
    ['have responses that nobody reads', rooms.gives, {}],
    ['have responses that are left', rooms.gives, {}],
  ] as const)('is given back by calls that %s', async (what, method, request) => {
    const server = await grpc(small).listen(
      (path) => {
        const answer = handlers[path.slice(path.lastIndexOf('/') + 1)]
        const found = Object.values(rooms).find((one) => one.path === path)
        return found && answer && { method: found, endpoint: (async (one: never, context: Context) => answer(one, context)) as Endpoint }
      },
      { address: '127.0.0.1:0' },
    )
    const client = grpc(small).dial(server.address)
    for (let i = 0; i < 30; i++) {
      const deadline = performance.now() + (method === rooms.hangs ? 5 : 20_000)
      const made = client.call(method === rooms.ignored ? streamOf(request, request) : request, contextOf({ method, deadline }))
      const response = await made.catch((error) => expect(error.code).not.toBe(method === rooms.hangs ? 'unknown' : 'deadline_exceeded'))
      if (what.endsWith('left')) for await (const _ of response as AsyncIterable<object>) break
    }
    expect(await client.call(filler, contextOf({ method: rooms.read, deadline: performance.now() + 20_000 }))).toEqual(filler)
    await client.close()
    await server.close()
  })
})

describe('more headers and trailers at once than a caller may leave unread', () => {
  const { fails, ends } = defineService('test.Long', { fails: unary<object, object>(), ends: unary<object, object>() }).methods
  const bytes = new Uint8Array(8000)

  it.each([
    ['of errors have these shortened', fails, ['aborted']],
    ['of answers have some fail', ends, ['ok', 'resource_exhausted']],
  ] as const)('%s, and do not end the connection', async (_, method, codes) => {
    let go = (): void => {}
    const gone = new Promise<void>((resolve) => {
      go = resolve
    })
    let begun = 0
    const endpoint = async (_request: unknown, { replyHeaders }: Context): Promise<object> => {
      if (++begun === 500) go()
      await gone
      if (method === fails) throw new RpcError('aborted', 'no', { details: [{ type: 'a.B', value: bytes }] })
      replyHeaders?.set('x-long-bin', bytes)
      return {}
    }
    const server = await grpc({ server: { maxBufferBytes: 65_536 } }).listen(() => ({ method, endpoint: endpoint as Endpoint }), {
      address: '127.0.0.1:0',
    })
    const client = grpc().dial(server.address)
    const outcomes = await Promise.all(
      Array.from({ length: 500 }, () =>
        client.call({}, contextOf({ method })).then(
          () => ({ code: 'ok', rawMessage: '', details: [] }),
          (error: RpcError) => error,
        ),
      ),
    )
    expect([...new Set(outcomes.map(({ code }) => code))].sort()).toEqual(codes)
    const last = outcomes.at(-1)
    expect(last?.rawMessage).toMatch(/server\.maxBufferBytes/)
    expect(outcomes[0]).toMatchObject(method === fails ? { rawMessage: 'no', details: [{ type: 'a.B', value: bytes }] } : { code: 'ok' })
    await client.close()
    await server.close()
  })
})

describe('a connection that says nothing any more', () => {
  it('is noticed', async () => {
    await using proxy = await startProxy(listener.address)
    const through = grpc({ keepalive: { interval: 1000, timeout: 200 } }).dial(proxy.address)
    const stream = (await through.call({}, contextOf({ method: methods.idle }))) as AsyncIterable<object>
    proxy.blackHole()
    const error = await failure(
      (async () => {
        for await (const _ of stream);
      })(),
    )
    expect(error).toMatchObject({ code: 'unavailable', unprocessed: false })
    expect(through.state).toBe('closed')
  })

  it('ends with an error that names the address when it is cut', async () => {
    await using proxy = await startProxy(listener.address)
    const through = grpc().dial(proxy.address)
    const stream = (await through.call({}, contextOf({ method: methods.idle }))) as AsyncIterable<object>
    proxy.cut()
    const error = await failure(
      (async () => {
        for await (const _ of stream);
      })(),
    )
    expect(error.message).toContain(proxy.address)
  })
})
