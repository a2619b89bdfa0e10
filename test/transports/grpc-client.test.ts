import { createServer, type Socket } from 'node:net'
import { create, toBinary } from '@bufbuild/protobuf'
import { describe, expect, it, vi } from 'vitest'
import type { Endpoint } from '../../src/endpoint.ts'
import { Encoder } from '../../src/http2/encoder.ts'
import { StreamIds } from '../../src/http2/stream-ids.ts'
import type { Connection, ConnectionState } from '../../src/transport.ts'
import { type GrpcOptions, grpc } from '../../src/transports/grpc.ts'
import { type EchoMessage, EchoMessageSchema } from '../gen/echo_pb.ts'
import { contextOf, failure, method, streamOf } from '../support/context.ts'
import { until } from '../support/echo.ts'
import { frame, message, type RawPeer, raw } from '../support/raw-http2.ts'

const DATA = 0
const HEADERS = 1
const RST_STREAM = 3
const SETTINGS = 4
const PING = 6
const GOAWAY = 7
const WINDOW_UPDATE = 8
const end = 5

const u32 = (...values: number[]): Buffer =>
  Buffer.concat(values.map((value) => Buffer.from([value >>> 24, value >>> 16, value >>> 8, value])))
const hello = create(EchoMessageSchema, { text: 'hello' })
const body = message(toBinary(EchoMessageSchema, hello))
const block = (fields: Record<string, string>): Uint8Array => new Encoder().encode(Object.entries(fields).flat(), 0)
const ok = block({ ':status': '200', 'content-type': 'application/grpc' })
const status = (code: number, text = ''): Uint8Array => block({ 'grpc-status': String(code), 'grpc-message': text })
const answer = (id: number): Buffer =>
  Buffer.concat([frame(HEADERS, 4, id, ok), frame(DATA, 0, id, body), frame(HEADERS, end, id, status(0))])

interface Scene extends AsyncDisposable {
  readonly peer: RawPeer
  readonly connection: Connection
  readonly states: ConnectionState[]
  call(): Promise<unknown>
}

/** A client of ours, connected to a server that sends what the test says. */
async function scene(options: GrpcOptions = {}, settings: Uint8Array = Buffer.alloc(0)): Promise<Scene> {
  const sockets: Socket[] = []
  const server = createServer((socket) => sockets.push(socket))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { port: number }
  const states: ConnectionState[] = []
  const connection = grpc(options).dial(`127.0.0.1:${port}`, { onState: (state) => states.push(state) })
  await until('it connects', () => sockets.length === 1)
  const socket = sockets[0] as Socket
  // The preface is no frame.
  await new Promise<void>((resolve) => {
    socket.once('readable', () => {
      socket.read(24)
      resolve()
    })
  })
  const peer = raw(socket)
  peer.send(frame(SETTINGS, 0, 0, settings))
  await until('it is ready', () => states.includes('ready'))
  return {
    peer,
    connection,
    states,
    call: () => connection.call(hello, contextOf()),
    async [Symbol.asyncDispose]() {
      await connection.close()
      socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

describe('a client of gRPC', () => {
  it('reads an answer, wherever its bytes are split', async () => {
    await using one = await scene()
    one.peer.socket.setNoDelay()
    const { length } = answer(1)
    for (let at = 0; at < length; at++) {
      const call = one.call()
      const id = at * 2 + 1
      await one.peer.frame(DATA, id)
      one.peer.send(answer(id).subarray(0, at))
      await new Promise((resolve) => setImmediate(resolve))
      one.peer.send(answer(id).subarray(at))
      expect(await call).toMatchObject({ text: 'hello' })
    }
  })

  it.each<[string, string, Buffer[]]>([
    ['success without a message', 'unimplemented', [frame(HEADERS, 4, 1, ok), frame(HEADERS, end, 1, status(0))]],
    [
      'two messages',
      'unimplemented',
      [frame(HEADERS, 4, 1, ok), frame(DATA, 0, 1, Buffer.concat([body, body])), frame(HEADERS, end, 1, status(0))],
    ],
    ['no status', 'internal', [frame(HEADERS, 4, 1, ok), frame(DATA, 1, 1, body)]],
    [
      'trailers without a status',
      'internal',
      [frame(HEADERS, 4, 1, ok), frame(DATA, 0, 1, body), frame(HEADERS, end, 1, block({ a: 'b' }))],
    ],
    ['a compressed message', 'internal', [frame(HEADERS, 4, 1, ok), frame(DATA, 0, 1, Buffer.from([1, 0, 0, 0, 0]))]],
    ['HTML', 'unknown', [frame(HEADERS, end, 1, block({ ':status': '200', 'content-type': 'text/html' }))]],
    ['404', 'unimplemented', [frame(HEADERS, end, 1, block({ ':status': '404' }))]],
    ['503', 'unavailable', [frame(HEADERS, 4, 1, block({ ':status': '503' })), frame(DATA, 1, 1, Buffer.from('busy'))]],
    [
      'an unknown status',
      'unknown',
      [frame(HEADERS, end, 1, block({ ':status': '200', 'content-type': 'application/grpc', 'grpc-status': '99' }))],
    ],
    ['1xx and no more', 'unknown', [frame(HEADERS, end, 1, block({ ':status': '103' }))]],
    ['a status of HTTP that is none', 'internal', [frame(HEADERS, 4, 1, block({ ':status': 'ok' }))]],
    ['data before headers', 'internal', [frame(DATA, 0, 1, body)]],
    ['a reset: CANCEL', 'canceled', [frame(RST_STREAM, 0, 1, u32(8))]],
    ['a reset: ENHANCE_YOUR_CALM', 'resource_exhausted', [frame(RST_STREAM, 0, 1, u32(11))]],
    ['a reset: INTERNAL_ERROR', 'internal', [frame(RST_STREAM, 0, 1, u32(2))]],
    ['a header in upper case', 'internal', [frame(HEADERS, 4, 1, block({ ':status': '200', 'Content-Type': 'application/grpc' }))]],
  ])('ends a call that is answered with %s, and goes on', async (_, code, frames) => {
    await using one = await scene()
    const call = failure(one.call())
    await one.peer.frame(DATA, 1)
    one.peer.send(...frames)
    expect(await call).toMatchObject({ code, outbound: true, unprocessed: false })
    const next = one.call()
    await one.peer.frame(DATA, 3)
    one.peer.send(answer(3))
    expect(await next).toMatchObject({ text: 'hello' })
  })

  it('skips 1xx and reads a percent-encoded message', async () => {
    await using one = await scene()
    const call = failure(one.call())
    await one.peer.frame(DATA, 1)
    one.peer.send(
      frame(HEADERS, 4, 1, block({ ':status': '103' })),
      frame(HEADERS, 4, 1, ok),
      frame(HEADERS, end, 1, status(9, 'n%C3%A4h %zz')),
    )
    expect(await call).toMatchObject({ code: 'failed_precondition', rawMessage: 'näh %zz' })
  })

  it('takes spaces around metadata and the message of an error, as Go sends them', async () => {
    await using one = await scene()
    let seen: string | undefined
    const context = contextOf({ onHeaders: (headers) => (seen = headers.get('x-a')?.trim()) })
    const call = failure(one.connection.call(hello, context))
    await one.peer.frame(DATA, 1)
    one.peer.send(
      frame(HEADERS, 4, 1, block({ ':status': '200', 'content-type': 'application/grpc', 'x-a': ' b ' })),
      frame(HEADERS, end, 1, status(5, 'not found: ')),
    )
    expect(await call).toMatchObject({ code: 'not_found', rawMessage: 'not found: ' })
    expect(seen).toBe('b')
  })

  it('says that a refused call was not processed', async () => {
    await using one = await scene()
    const call = failure(one.call())
    await one.peer.frame(DATA, 1)
    one.peer.send(frame(RST_STREAM, 0, 1, u32(7)))
    expect(await call).toMatchObject({ code: 'unavailable', unprocessed: true })
  })

  it('drains after GOAWAY: what is above its last stream was not processed, the rest goes on', async () => {
    await using one = await scene()
    const calls = [one.call(), failure(one.call())] as const
    await one.peer.frame(DATA, 3)
    one.peer.send(frame(GOAWAY, 0, 0, u32(1, 0)))
    expect(await calls[1]).toMatchObject({ code: 'unavailable', unprocessed: true })
    expect(one.connection.state).toBe('draining')
    expect(await failure(one.call())).toMatchObject({ code: 'unavailable', unprocessed: true })
    one.peer.send(answer(1))
    expect(await calls[0]).toMatchObject({ text: 'hello' })
    await until('it closes', () => one.connection.state === 'closed')
    expect(one.states).toEqual(['ready', 'draining', 'closed'])
  })

  it('tells calls that may have been processed from others when the connection is lost', async () => {
    await using one = await scene()
    const sent = failure(one.call())
    await one.peer.frame(DATA, 1)
    one.peer.socket.destroy()
    expect(await sent).toMatchObject({ code: 'unavailable', unprocessed: false })
    expect((await sent).message).toContain(one.connection.address)
    expect(one.states).toEqual(['ready', 'closed'])
    await using other = await scene()
    const unsent = failure(other.call())
    await other.connection.close()
    expect(await unsent).toMatchObject({ code: 'unavailable', unprocessed: true })
  })

  it('has no more calls under way than the peer allows', async () => {
    await using one = await scene({}, Buffer.from([0, 3, 0, 0, 0, 2]))
    const calls = Array.from({ length: 5 }, () => one.call())
    const abandoned = failure(one.connection.call(hello, contextOf({ deadline: performance.now() + 30 })))
    await one.peer.frame(DATA, 3)
    expect(await abandoned).toMatchObject({ code: 'deadline_exceeded', unprocessed: true })
    expect(one.peer.frames.filter(({ type }) => type === HEADERS).length).toBe(2)
    for (const id of [1, 3, 5, 7, 9]) {
      await one.peer.frame(DATA, id)
      one.peer.send(answer(id))
    }
    for (const call of calls) expect(await call).toMatchObject({ text: 'hello' })
  })

  it('sends no more at once than its peer takes, however many calls are made', async () => {
    const endpoint: Endpoint = async (request) => request
    const listener = await grpc().listen(() => ({ method: method('unary'), endpoint }), { address: '127.0.0.1:0' })
    const connection = grpc().dial(listener.address)
    await connection.call(hello, contextOf())
    const headers = contextOf().headers.set('authorization', 'x'.repeat(6000))
    const calls = Array.from({ length: 3000 }, () => connection.call(hello, contextOf({ headers })))
    for (const answered of await Promise.all(calls)) expect(answered).toMatchObject({ text: 'hello' })
    await connection.close()
    await listener.close()
  })

  it('leaves calls that wait to another connection when it has no ids left for them', async () => {
    await using one = await scene({}, Buffer.from([0, 3, 0, 0, 0, 1]))
    const calls = [one.call(), one.call()] as const
    const waiting = failure(one.call())
    await one.peer.frame(DATA, 1)
    using _ = vi.spyOn(StreamIds.prototype, 'next').mockImplementationOnce(function (this: StreamIds) {
      this.last = 0x7ffffff1
      return this.last
    })
    one.peer.send(answer(1))
    expect(await calls[0]).toMatchObject({ text: 'hello' })
    expect(await waiting).toMatchObject({ code: 'unavailable', unprocessed: true })
    expect(one.states).toEqual(['ready', 'draining'])
    one.peer.send(answer(0x7ffffff1))
    expect(await calls[1]).toMatchObject({ text: 'hello' })
  })

  it('sends only what windows allow, all streams in turn', async () => {
    await using one = await scene({}, Buffer.from([0, 4, 0, 0, 0, 20]))
    const long = create(EchoMessageSchema, { text: 'x'.repeat(50) })
    const calls = [1, 2].map(() => one.connection.call(long, contextOf()))
    await one.peer.frame(DATA, 3)
    const bytes = (id: number): number =>
      one.peer.frames.filter((each) => each.type === DATA && each.id === id).reduce((sum, { payload }) => sum + payload.length, 0)
    await until('both windows are used up', () => bytes(1) === 20 && bytes(3) === 20)
    one.peer.send(frame(WINDOW_UPDATE, 0, 3, u32(1000)))
    await until('the second goes on', () => bytes(3) === 57)
    expect(bytes(1)).toBe(20)
    one.peer.send(frame(SETTINGS, 0, 0, Buffer.from([0, 4, 0, 0, 1, 0])))
    await until('the first goes on', () => bytes(1) === 57)
    one.peer.send(answer(1), answer(3))
    await Promise.all(calls)
  })

  it('stops sending a request that has been answered', async () => {
    await using one = await scene()
    let left = false
    async function* endless(): AsyncGenerator<EchoMessage> {
      try {
        for (;;) {
          yield hello
          await new Promise((resolve) => setTimeout(resolve, 1))
        }
      } finally {
        left = true
      }
    }
    const call = one.connection.call(endless(), contextOf({ method: method('collect') }))
    await one.peer.frame(DATA, 1)
    one.peer.send(answer(1))
    expect(await call).toMatchObject({ text: 'hello' })
    expect((await one.peer.frame(RST_STREAM, 1)).payload.readUInt32BE(0)).toBe(0)
    await until('the stream is left', () => left)
  })

  it('asks a silent peer for a sign of life while there are calls, and gives it up', async () => {
    await using one = await scene({ keepalive: { interval: 1000, timeout: 2000 } })
    const call = failure(one.call())
    const { payload } = await one.peer.frame(PING)
    one.peer.send(frame(PING, 1, 0, payload))
    await until('it asks again', () => one.peer.frames.filter(({ type }) => type === PING).length === 2)
    expect(await call).toMatchObject({ code: 'unavailable' })
    expect((await call).message).toMatch(/keepalive/)
  })

  it('gives a peer up that takes nothing any more, also when all calls wait for that', async () => {
    await using one = await scene({ keepalive: { interval: 2000, timeout: 200 } })
    one.peer.socket.pause()
    const headers = contextOf().headers.set('authorization', 'x'.repeat(6000))
    const callers = Array.from({ length: 3000 }, () => new AbortController())
    const calls = callers.map(({ signal }) => failure(one.connection.call(hello, contextOf({ headers, signal }))))
    // As much of it has been written as can be.
    await new Promise((resolve) => setTimeout(resolve, 50))
    for (const caller of callers) caller.abort()
    for (const { code } of await Promise.all(calls)) expect(code).toBe('canceled')
    const last = await failure(one.connection.call(hello, contextOf({ deadline: performance.now() + 10_000 })))
    expect(last).toMatchObject({ code: 'unavailable', unprocessed: true })
  })

  it('is closed when its peer will send nothing any more, also while that takes nothing', async () => {
    await using one = await scene()
    one.peer.socket.pause()
    const headers = contextOf().headers.set('authorization', 'x'.repeat(6000))
    const deadline = performance.now() + 10_000
    const calls = Array.from({ length: 3000 }, () => failure(one.connection.call(hello, contextOf({ headers, deadline }))))
    one.peer.socket.end()
    for (const { code } of await Promise.all(calls)) expect(code).toBe('unavailable')
    expect(one.connection.state).toBe('closed')
  })

  it('does not take its own standing still for the silence of its peer', async () => {
    await using one = await scene({ keepalive: { interval: 1000, timeout: 100 } })
    const call = one.call()
    await new Promise<void>((resolve) => {
      one.peer.socket.on('data', () => {
        const ping = one.peer.frames.find(({ type }) => type === PING)
        if (ping === undefined) return
        one.peer.socket.removeAllListeners('data')
        one.peer.send(frame(PING, 1, 0, ping.payload), answer(1))
        // Whatever is in time has come when this is over, and has not been read.
        for (const end = performance.now() + 300; performance.now() < end; );
        resolve()
      })
    })
    expect(await call).toMatchObject({ text: 'hello' })
  })

  it('does not send headers that only it may set, or that the peer will not take', async () => {
    await using one = await scene({}, Buffer.from([0, 6, 0, 0, 2, 0]))
    for (const name of ['grpc-timeout', 'te', 'content-type', 'grpc-whatever', 'connection']) {
      const headers = contextOf().headers.set(name, 'x')
      expect(await failure(one.connection.call(hello, contextOf({ headers })))).toMatchObject({
        code: 'invalid_argument',
        unprocessed: false,
      })
    }
    const headers = contextOf().headers.set('x-long', 'x'.repeat(1000))
    expect(await failure(one.connection.call(hello, contextOf({ headers })))).toMatchObject({ code: 'resource_exhausted' })
    expect(await failure(one.connection.call(streamOf(), contextOf({ headers, method: method('collect') })))).toMatchObject({
      code: 'resource_exhausted',
    })
    expect(await failure(one.connection.call(hello, contextOf({ method: method('collect') })))).toMatchObject({ code: 'invalid_argument' })
  })

  it('ends the connection for what the peer does wrong, saying what', async () => {
    for (const wrong of [
      frame(HEADERS, 4, 2, ok),
      frame(HEADERS, 4, 99, ok),
      frame(DATA, 0, 99, body),
      frame(5, 4, 1, u32(2)),
      frame(PING, 0, 0),
    ]) {
      await using one = await scene()
      const call = failure(one.call())
      await one.peer.frame(DATA, 1)
      one.peer.send(wrong)
      expect(await call).toMatchObject({ code: 'unavailable', unprocessed: false })
      await one.peer.frame(GOAWAY)
    }
  })

  it('takes oversized headers for an error that names the limit', async () => {
    await using one = await scene({ maxHeaderBytes: 1024 })
    const call = failure(one.call())
    await one.peer.frame(DATA, 1)
    one.peer.send(frame(HEADERS, 4, 1, block({ ':status': '200', 'content-type': 'application/grpc', 'x-long': 'x'.repeat(2000) })))
    expect((await call).message).toMatch(/resource_exhausted: .*1024/)
  })
})
