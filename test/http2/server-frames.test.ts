import * as http2 from 'node:http2'
import { connect } from 'node:net'
import { create, toBinary } from '@bufbuild/protobuf'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Context, Endpoint } from '../../src/endpoint.ts'
import type { Listener } from '../../src/transport.ts'
import { grpc } from '../../src/transports/grpc.ts'
import { EchoMessageSchema } from '../gen/echo_pb.ts'
import { method, streamOf } from '../support/context.ts'
import { until } from '../support/echo.ts'
import { frame, message, preface, type RawPeer, rawPeer, request } from '../support/raw-http2.ts'

const DATA = 0
const HEADERS = 1
const PRIORITY = 2
const RST_STREAM = 3
const SETTINGS = 4
const PUSH_PROMISE = 5
const PING = 6
const GOAWAY = 7
const WINDOW_UPDATE = 8
const CONTINUATION = 9
const END_STREAM = 1
const END_HEADERS = 4
const [PROTOCOL_ERROR, FLOW_CONTROL_ERROR, STREAM_CLOSED, FRAME_SIZE_ERROR, CANCEL, COMPRESSION_ERROR, ENHANCE_YOUR_CALM] = [
  1, 3, 5, 6, 8, 9, 11,
] as const

const text = 'hello'
const body = message(toBinary(EchoMessageSchema, create(EchoMessageSchema, { text })))
const path = method('unary').path
let waiting = 0
const answer = async (one: { text: string }, { signal }: Context): Promise<unknown> => {
  if (one.text !== 'wait') return one
  waiting++
  return new Promise((resolve) => signal?.addEventListener('abort', () => resolve(--waiting)))
}
const routes = new Map([
  [path, { method: method('unary'), endpoint: answer as Endpoint }],
  [method('expand').path, { method: method('expand'), endpoint: (async (one: object) => streamOf(one)) as Endpoint }],
  [method('chat').path, { method: method('chat'), endpoint: (async (requests: AsyncIterable<object>) => requests) as Endpoint }],
  [method('collect').path, { method: method('collect'), endpoint: (() => new Promise(() => {})) as Endpoint }],
])

let listener: Listener
beforeAll(async () => {
  listener = await grpc({ maxConcurrentStreams: 100 }).listen((one) => routes.get(one), { address: '127.0.0.1:0' })
})
afterAll(() => listener.close())

const u32 = (...values: number[]): Buffer =>
  Buffer.concat(values.map((value) => Buffer.from([value >>> 24, value >>> 16, value >>> 8, value])))
const setting = (id: number, value: number): Buffer => Buffer.concat([Buffer.from([0, id]), u32(value)])
const open = frame(HEADERS, END_HEADERS, 1, request(path))
const whole = Buffer.concat([open, frame(DATA, END_STREAM, 1, body)])
const openStream = frame(HEADERS, END_HEADERS, 1, request(method('collect').path))

async function begun(): Promise<RawPeer> {
  const peer = await rawPeer(listener.address)
  peer.send(preface, frame(SETTINGS, 0, 0))
  return peer
}

describe('a server', () => {
  it('answers, wherever the bytes are split', async () => {
    const all = Buffer.concat([preface, frame(SETTINGS, 0, 0), whole, frame(PING, 0, 0, Buffer.alloc(8))])
    for (let at = 1; at < all.length; at++) {
      using peer = await rawPeer(listener.address)
      peer.socket.setNoDelay()
      peer.send(all.subarray(0, at))
      await new Promise((resolve) => setImmediate(resolve))
      peer.send(all.subarray(at))
      expect(await peer.answer(1)).toMatchObject({ ':status': '200', 'grpc-status': '0' })
      expect((await peer.frame(DATA, 1)).payload).toEqual(body)
    }
  })

  it('answers what comes byte by byte', async () => {
    using peer = await rawPeer(listener.address)
    peer.socket.setNoDelay()
    for (const byte of Buffer.concat([preface, frame(SETTINGS, 0, 0), whole])) {
      peer.send(Buffer.from([byte]))
      await new Promise((resolve) => setImmediate(resolve))
    }
    expect(await peer.answer(1)).toMatchObject({ 'grpc-status': '0' })
  })

  it('takes padding, priorities, CONTINUATION, trailers and frames it does not know', async () => {
    using peer = await begun()
    const block = request(path)
    const padded = (bytes: Uint8Array): Buffer => Buffer.concat([Buffer.from([3]), bytes, Buffer.alloc(3)])
    peer.send(
      frame(PRIORITY, 0, 5, Buffer.concat([u32(3), Buffer.from([1])])),
      frame(0x77, 0xff, 9, Buffer.from('whatever')),
      frame(HEADERS, 32 | 8, 1, padded(Buffer.concat([u32(0), Buffer.from([1]), block.subarray(0, 10)]))),
      frame(CONTINUATION, 0, 1, block.subarray(10, 20)),
      frame(CONTINUATION, END_HEADERS, 1, block.subarray(20)),
      frame(DATA, 8, 1, padded(body.subarray(0, 4))),
      frame(DATA, 0, 1),
      frame(DATA, 0, 1, body.subarray(4)),
      frame(
        HEADERS,
        END_HEADERS | END_STREAM,
        1,
        request('', { ':method': '', ':scheme': '', ':path': '', te: '', 'content-type': '', 'x-a': 'b' }),
      ),
    )
    expect(await peer.answer(1)).toMatchObject({ 'grpc-status': '0' })
  })

  it('answers PING and SETTINGS', async () => {
    using peer = await begun()
    peer.send(frame(PING, 0, 0, Buffer.from('12345678')))
    expect(await peer.frame(PING)).toMatchObject({ flags: 1, payload: Buffer.from('12345678') })
    expect(peer.frames.filter(({ type }) => type === SETTINGS).map(({ flags }) => flags)).toEqual([0, 1])
  })

  it.each<[string, number, ...Buffer[]]>([
    ['HEADERS on stream 0', PROTOCOL_ERROR, frame(HEADERS, END_HEADERS, 0, request(path))],
    ['HEADERS on an even stream', PROTOCOL_ERROR, frame(HEADERS, END_HEADERS, 2, request(path))],
    ['HEADERS on a stream below the last', PROTOCOL_ERROR, frame(HEADERS, 5, 5, request('/x')), frame(HEADERS, 5, 3, request('/x'))],
    ['HEADERS on a closed stream', STREAM_CLOSED, frame(HEADERS, 5, 1, request('/x')), frame(HEADERS, 5, 1, request('/x'))],
    ['more padding than payload', PROTOCOL_ERROR, openStream, frame(DATA, 8, 1, Buffer.from([9, 1]))],
    ['DATA on stream 0', PROTOCOL_ERROR, frame(DATA, 0, 0, body)],
    ['DATA on an idle stream', PROTOCOL_ERROR, frame(DATA, 0, 7, body)],
    ['RST_STREAM on an idle stream', PROTOCOL_ERROR, frame(RST_STREAM, 0, 7, u32(8))],
    ['RST_STREAM of a wrong size', FRAME_SIZE_ERROR, openStream, frame(RST_STREAM, 0, 1, Buffer.alloc(3))],
    ['WINDOW_UPDATE on an idle stream', PROTOCOL_ERROR, frame(WINDOW_UPDATE, 0, 7, u32(8))],
    ['WINDOW_UPDATE of 0', PROTOCOL_ERROR, frame(WINDOW_UPDATE, 0, 0, u32(0))],
    ['WINDOW_UPDATE of a wrong size', FRAME_SIZE_ERROR, frame(WINDOW_UPDATE, 0, 0, Buffer.alloc(3))],
    ['a window of the connection over 2^31-1', FLOW_CONTROL_ERROR, frame(WINDOW_UPDATE, 0, 0, u32(0x7fffffff))],
    ['SETTINGS on a stream', PROTOCOL_ERROR, frame(SETTINGS, 0, 1)],
    ['SETTINGS of a wrong size', FRAME_SIZE_ERROR, frame(SETTINGS, 0, 0, Buffer.alloc(5))],
    ['an acknowledgement with settings', FRAME_SIZE_ERROR, frame(SETTINGS, 1, 0, Buffer.alloc(6))],
    ['an initial window over 2^31-1', FLOW_CONTROL_ERROR, frame(SETTINGS, 0, 0, setting(4, 0x80000000))],
    ['a maximal frame below 16 384', PROTOCOL_ERROR, frame(SETTINGS, 0, 0, setting(5, 16_383))],
    ['ENABLE_PUSH of 2', PROTOCOL_ERROR, frame(SETTINGS, 0, 0, setting(2, 2))],
    ['PING on a stream', PROTOCOL_ERROR, frame(PING, 0, 1, Buffer.alloc(8))],
    ['PING of a wrong size', FRAME_SIZE_ERROR, frame(PING, 0, 0, Buffer.alloc(7))],
    ['GOAWAY on a stream', PROTOCOL_ERROR, frame(GOAWAY, 0, 1, Buffer.alloc(8))],
    ['PUSH_PROMISE', PROTOCOL_ERROR, openStream, frame(PUSH_PROMISE, END_HEADERS, 1, u32(2))],
    ['CONTINUATION of nothing', PROTOCOL_ERROR, frame(CONTINUATION, END_HEADERS, 1, request(path))],
    ['HEADERS that are interrupted', PROTOCOL_ERROR, frame(HEADERS, 0, 1, request(path)), frame(PING, 0, 0, Buffer.alloc(8))],
    ['endless CONTINUATION', ENHANCE_YOUR_CALM, frame(HEADERS, 0, 1), ...Array.from({ length: 100 }, () => frame(CONTINUATION, 0, 1))],
    ['a header block that is none', COMPRESSION_ERROR, frame(HEADERS, END_HEADERS, 1, Buffer.from([0xff, 0xff, 0xff, 0xff, 0xff, 0xff]))],
    ['a frame over 16 384 bytes', FRAME_SIZE_ERROR, openStream, frame(DATA, 0, 1, Buffer.alloc(16_385))],
    ['PRIORITY on stream 0', PROTOCOL_ERROR, frame(PRIORITY, 0, 0, Buffer.alloc(5))],
  ])('ends a connection for %s', async (_, code, ...frames) => {
    using peer = await begun()
    peer.send(...frames)
    expect((await peer.frame(GOAWAY)).payload.readUInt32BE(4)).toBe(code)
    await until('the connection is closed', () => peer.socket.readableEnded || peer.closed)
  })

  it('takes metadata with spaces around, as Go sends it', async () => {
    using peer = await begun()
    peer.send(frame(HEADERS, END_HEADERS, 1, request(path, { 'x-a': ' b ' })), frame(DATA, END_STREAM, 1, body))
    expect(await peer.answer(1)).toMatchObject({ 'grpc-status': '0' })
  })

  it('ends a connection that does not begin with SETTINGS', async () => {
    using peer = await rawPeer(listener.address)
    peer.send(preface, frame(PING, 0, 0, Buffer.alloc(8)))
    expect((await peer.frame(GOAWAY)).payload.readUInt32BE(4)).toBe(PROTOCOL_ERROR)
  })

  it.each<[string, number, ...Buffer[]]>([
    ['WINDOW_UPDATE of 0', PROTOCOL_ERROR, openStream, frame(WINDOW_UPDATE, 0, 1, u32(0))],
    ['a window over 2^31-1', FLOW_CONTROL_ERROR, openStream, frame(WINDOW_UPDATE, 0, 1, u32(0x7fffffff))],
    ['PRIORITY of a wrong size', FRAME_SIZE_ERROR, openStream, frame(PRIORITY, 0, 1, Buffer.alloc(4))],
    ['a stream that depends on itself', PROTOCOL_ERROR, openStream, frame(PRIORITY, 0, 1, Buffer.concat([u32(1), Buffer.from([1])]))],
    ['a name in upper case', PROTOCOL_ERROR, frame(HEADERS, END_HEADERS, 1, request(path, { 'X-a': 'b' }))],
    ['a header of the connection', PROTOCOL_ERROR, frame(HEADERS, END_HEADERS, 1, request(path, { connection: 'close' }))],
    ['te other than trailers', PROTOCOL_ERROR, frame(HEADERS, END_HEADERS, 1, request(path, { te: 'gzip' }))],
    ['a value with a line break', PROTOCOL_ERROR, frame(HEADERS, END_HEADERS, 1, request(path, { 'x-a': 'a\r\nb' }))],
    ['a pseudo-header that is unknown', PROTOCOL_ERROR, frame(HEADERS, END_HEADERS, 1, request(path, { ':who': 'x' }))],
    ['a pseudo-header of responses', PROTOCOL_ERROR, frame(HEADERS, END_HEADERS, 1, request(path, { ':status': '200' }))],
    ['a pseudo-header with a space', PROTOCOL_ERROR, frame(HEADERS, END_HEADERS, 1, request(`${path} `))],
    ['no :method', PROTOCOL_ERROR, frame(HEADERS, END_HEADERS, 1, request(path, { ':method': '' }))],
    ['no :path', PROTOCOL_ERROR, frame(HEADERS, END_HEADERS, 1, request(''))],
    [
      'a content-length that is wrong',
      PROTOCOL_ERROR,
      frame(HEADERS, END_HEADERS, 1, request(path, { 'content-length': '99' })),
      frame(DATA, END_STREAM, 1, body),
    ],
    ['trailers that do not end the stream', PROTOCOL_ERROR, openStream, frame(HEADERS, END_HEADERS, 1, request(path))],
    ['DATA after the end', STREAM_CLOSED, frame(HEADERS, 5, 1, request('/x')), frame(DATA, 0, 1, body)],
  ])('resets a stream for %s, and goes on', async (_, code, ...frames) => {
    using peer = await begun()
    peer.send(...frames, frame(HEADERS, END_HEADERS, 3, request(path)), frame(DATA, END_STREAM, 3, body))
    expect((await peer.frame(RST_STREAM, 1)).payload.readUInt32BE(0)).toBe(code)
    expect(await peer.answer(3)).toMatchObject({ 'grpc-status': '0' })
  })

  it('keeps to windows, also when SETTINGS change them', async () => {
    using peer = await begun()
    peer.send(frame(SETTINGS, 0, 0, setting(4, 3)), whole)
    await peer.frame(DATA, 1)
    const got = (): Buffer => Buffer.concat(peer.frames.filter(({ type, id }) => type === DATA && id === 1).map(({ payload }) => payload))
    expect(got()).toEqual(body.subarray(0, 3))
    peer.send(frame(WINDOW_UPDATE, 0, 1, u32(1)))
    await until('one byte more', () => got().length === 4)
    peer.send(frame(SETTINGS, 0, 0, setting(4, 5)))
    await until('two bytes more', () => got().length === 6)
    peer.send(frame(SETTINGS, 0, 0, setting(4, 0)), frame(WINDOW_UPDATE, 0, 1, u32(5)), frame(PING, 0, 0, Buffer.alloc(8)))
    await peer.frame(PING)
    expect(got().length).toBe(6)
    peer.send(frame(SETTINGS, 0, 0, setting(4, 65_535)))
    expect(await peer.answer(1)).toMatchObject({ 'grpc-status': '0' })
    expect(got()).toEqual(body)
  })

  it('takes as much as it has allowed, also with the smallest window of a connection', async () => {
    const small = await grpc({ connectionWindow: 65_535 }).listen((one) => routes.get(one), { address: '127.0.0.1:0' })
    using peer = await rawPeer(small.address)
    const pings = (): number => peer.frames.filter(({ type }) => type === PING).length
    peer.send(preface, frame(SETTINGS, 0, 0), openStream, frame(PING, 0, 0, Buffer.alloc(8)))
    await until('all that it begins with is there', () => pings() === 1)
    const credit = peer.frames.filter(({ type, id }) => type === WINDOW_UPDATE && id === 0)
    let left = credit.reduce((sum, { payload }) => sum + payload.readUInt32BE(0), 65_535)
    for (; left > 0; left -= 16_384) peer.send(frame(DATA, 0, 1, Buffer.alloc(Math.min(left, 16_384))))
    peer.send(frame(PING, 0, 0, Buffer.alloc(8)))
    await until('it goes on, or does not', () => pings() === 2 || peer.closed)
    expect(peer.frames.filter(({ type }) => type === GOAWAY)).toEqual([])
    await small.close()
  })

  it('ends a call whose request goes on after its end', async () => {
    using peer = await begun()
    const wait = message(toBinary(EchoMessageSchema, create(EchoMessageSchema, { text: 'wait' })))
    peer.send(open, frame(DATA, END_STREAM, 1, wait))
    await until('its handler waits', () => waiting === 1)
    peer.send(frame(DATA, 0, 1, body))
    expect((await peer.frame(RST_STREAM, 1)).payload.readUInt32BE(0)).toBe(STREAM_CLOSED)
    await until('its handler is told', () => waiting === 0, 2000)
  })

  it('resets a call once whose deadline passes while its answer waits and its request goes on', async () => {
    using peer = await begun()
    const timed = request(method('chat').path, { 'grpc-timeout': '200m' })
    peer.send(frame(SETTINGS, 0, 0, setting(4, 3)), frame(HEADERS, END_HEADERS, 1, timed), frame(DATA, 0, 1, body))
    await peer.frame(RST_STREAM, 1)
    peer.send(frame(PING, 0, 0, Buffer.alloc(8)))
    await peer.frame(PING)
    expect(peer.frames.filter(({ type }) => type === RST_STREAM).map(({ payload }) => payload.readUInt32BE(0))).toEqual([CANCEL])
  })

  it('gives the room of padding back, on the stream too', async () => {
    using peer = await begun()
    const padded = frame(DATA, 8, 1, Buffer.concat([Buffer.from([255]), body.subarray(0, 1), Buffer.alloc(255)]))
    peer.send(openStream, ...Array(50).fill(padded), frame(PING, 0, 0, Buffer.alloc(8)))
    await peer.frame(PING)
    const credit = peer.frames.filter(({ type, id }) => type === WINDOW_UPDATE && id === 1)
    expect(credit.reduce((sum, { payload }) => sum + payload.readUInt32BE(0), 0)).toBe(50 * 256)
  })

  it('keeps to a smaller header table', async () => {
    using peer = await begun()
    for (const [i, size] of [4096, 0, 100, 4096].entries()) {
      const id = i * 2 + 1
      peer.send(frame(SETTINGS, 0, 0, setting(1, size)), frame(HEADERS, END_HEADERS, id, request(path)), frame(DATA, END_STREAM, id, body))
      expect(await peer.answer(id)).toMatchObject({ ':status': '200', 'content-type': 'application/grpc', 'grpc-status': '0' })
    }
  })

  it('says so when the header table was smaller in between, within one SETTINGS too', async () => {
    using peer = await begun()
    const twice = Buffer.concat([setting(1, 100), setting(1, 4096)])
    peer.send(whole)
    await peer.answer(1)
    peer.send(frame(SETTINGS, 0, 0, twice), frame(HEADERS, END_HEADERS, 3, request(path)), frame(DATA, END_STREAM, 3, body))
    const updates = Buffer.from([0x20, 0x3f, 0xe1, 0x1f])
    expect((await peer.frame(HEADERS, 3)).payload.subarray(0, 4)).toEqual(updates)
  })

  it('refuses streams beyond the limit, resets included', async () => {
    using peer = await begun()
    const wait = message(toBinary(EchoMessageSchema, create(EchoMessageSchema, { text: 'wait' })))
    for (let i = 0; i < 101; i++) peer.send(frame(HEADERS, END_HEADERS, i * 2 + 1, request(path)), frame(DATA, END_STREAM, i * 2 + 1, wait))
    expect((await peer.frame(RST_STREAM)).id).toBe(201)
    expect((await peer.frame(RST_STREAM)).payload.readUInt32BE(0)).toBe(7)
    expect(waiting).toBe(100)
    peer.socket.destroy()
    await until('the handlers are told', () => waiting === 0)
  })

  it('refuses streams when too many answers wait for windows', async () => {
    using peer = await begun()
    peer.send(frame(SETTINGS, 0, 0, setting(4, 0)))
    for (let id = 1; id < 203; id += 2) {
      peer.send(frame(HEADERS, END_HEADERS, id, request(path)), frame(DATA, END_STREAM, id, body))
      await peer.frame(id < 201 ? HEADERS : RST_STREAM, id)
    }
    peer.send(frame(SETTINGS, 0, 0, setting(4, 65_535)))
    for (let id = 1; id < 201; id += 2) expect(await peer.answer(id)).toMatchObject({ 'grpc-status': '0' })
  })

  it('answers in lower case, however the content type is written', async () => {
    using peer = await begun()
    peer.send(frame(HEADERS, END_HEADERS, 1, request(path, { 'content-type': 'Application/gRPC+Proto' })), frame(DATA, END_STREAM, 1, body))
    expect(await peer.answer(1)).toMatchObject({ 'content-type': 'application/grpc+proto', 'grpc-status': '0' })
  })

  it('answers in the content subtype that it is asked in', async () => {
    using peer = await begun()
    const json = message(Buffer.from('{"text":"hello"}'))
    peer.send(
      frame(HEADERS, END_HEADERS, 1, request(path, { 'content-type': 'application/grpc+json; charset=utf-8' })),
      frame(DATA, END_STREAM, 1, json),
    )
    expect(await peer.answer(1)).toMatchObject({ 'content-type': 'application/grpc+json', 'grpc-status': '0' })
    expect((await peer.frame(DATA, 1)).payload).toEqual(json)
    peer.send(frame(HEADERS, END_HEADERS, 3, request(path, { 'content-type': 'application/grpc+xml' })), frame(DATA, END_STREAM, 3, json))
    expect(await peer.answer(3)).toMatchObject({ 'grpc-status': '12', 'grpc-message': expect.stringContaining('application/grpc+xml') })
  })

  it('survives whatever frames it is sent', async () => {
    const payload = fc.oneof(
      fc.constantFrom(
        request(path),
        request(method('collect').path),
        body,
        u32(0),
        u32(1),
        u32(0x7fffffff),
        setting(1, 0),
        setting(4, 0),
        Buffer.alloc(8),
      ),
      fc.uint8Array({ maxLength: 30 }),
    )
    const any = fc.record({ type: fc.nat(11), flags: fc.constantFrom(0, 1, 4, 5, 8, 32, 45, 255), id: fc.nat(7), payload })
    await fc.assert(
      fc.asyncProperty(fc.array(any, { maxLength: 30 }), async (frames) => {
        using peer = await begun()
        peer.send(...frames.map((one) => frame(one.type, one.flags, one.id, one.payload)), frame(PING, 0, 0, Buffer.from('the end.')))
        const answered = (): boolean =>
          peer.frames.some(({ type, payload: came }) => type === GOAWAY || (type === PING && came.toString() === 'the end.'))
        await until('it answers or hangs up', () => answered() || peer.closed)
      }),
      { numRuns: 300 },
    )
    using peer = await begun()
    peer.send(whole)
    expect(await peer.answer(1)).toMatchObject({ 'grpc-status': '0' })
  }, 60_000)

  it('answers an oversized header with its limit, one that is beyond all measure with the end', async () => {
    using peer = await begun()
    const send = (id: number, block: Uint8Array): void => {
      const parts: Buffer[] = []
      for (let at = 0; at < block.length; at += 16_384)
        parts.push(
          frame(
            at === 0 ? HEADERS : CONTINUATION,
            (at === 0 ? END_STREAM : 0) | (at + 16_384 >= block.length ? END_HEADERS : 0),
            id,
            block.subarray(at, at + 16_384),
          ),
        )
      peer.send(...parts)
    }
    send(1, request(path, { 'x-long': 'x'.repeat(20_000) }))
    expect(await peer.answer(1)).toMatchObject({ 'grpc-status': '8', 'grpc-message': expect.stringContaining('16384') })
    send(3, request(path, { 'x-long': 'x'.repeat(300_000) }))
    expect((await peer.frame(GOAWAY)).payload.readUInt32BE(4)).toBe(ENHANCE_YOUR_CALM)
  })

  it('tells strangers nothing', async () => {
    const socket = connect(Number(listener.address.split(':')[1]), '127.0.0.1')
    socket.write('\x16\x03\x01 hello')
    let got = ''
    for await (const chunk of socket) got += chunk
    expect(got).toBe('')
  })

  it('does not read on while a peer does not take its answers', async () => {
    // PINGs are what makes it write most, so that this one has to tolerate them.
    const patient = await grpc({ server: { minPingInterval: 0, maxControlFrames: 1e9 } }).listen(() => undefined, {
      address: '127.0.0.1:0',
    })
    const socket = connect(Number(patient.address.split(':')[1]), '127.0.0.1')
    const pings = Buffer.concat(Array.from({ length: 10_000 }, () => frame(PING, 0, 0, Buffer.alloc(8))))
    socket.write(Buffer.concat([preface, frame(SETTINGS, 0, 0)]))
    for (let i = 0; i < 200; i++) socket.write(pings)
    let last = -1
    await until('it comes to rest', async () => {
      const before = last
      last = socket.writableLength
      await new Promise((resolve) => setTimeout(resolve, 100))
      return before === last
    })
    expect(last).toBeGreaterThan(0)
    let got = 0
    socket.on('data', (chunk: Buffer) => {
      got += chunk.length
    })
    await until('all are answered', () => got > 200 * pings.length)
    socket.destroy()
    await patient.close()
  })

  it('understands what nghttp2 makes of headers, in Huffman code', async () => {
    const session = http2.connect(`http://${listener.address}`)
    const every = Array.from({ length: 95 }, (_, i) => String.fromCharCode(i + 32)).join('')
    const stream = session.request({
      ':method': 'POST',
      ':path': '/none',
      'content-type': 'application/grpc',
      te: 'trailers',
      'x-every': `a${every}a`,
    })
    const headers = await new Promise<http2.IncomingHttpHeaders>((resolve) => stream.once('response', resolve))
    expect(headers).toMatchObject({ ':status': 200, 'grpc-status': '12', 'grpc-message': 'unknown method /none' })
    session.destroy()
  })

  it('turns down what is not gRPC by HTTP status', async () => {
    using peer = await begun()
    peer.send(
      frame(HEADERS, 5, 1, request(path, { ':method': 'GET' })),
      frame(HEADERS, 5, 3, request(path, { 'content-type': 'text/html' })),
    )
    expect(await peer.answer(1)).toMatchObject({ ':status': '405' })
    expect(await peer.answer(3)).toMatchObject({ ':status': '415' })
  })

  it.each([
    ['two messages', [body, body], '12'],
    ['no message', [], '12'],
    ['half a message', [body.subarray(0, 7)], '13'],
  ])('does not call the method when its one request has %s', async (_what, parts, status) => {
    using peer = await begun()
    peer.send(open, ...parts.map((part) => frame(DATA, 0, 1, part)), frame(DATA, END_STREAM, 1))
    expect(await peer.answer(1)).toMatchObject({ ':status': '200', 'grpc-status': status })
  })

  it('answers with a stream also where a request has its message but no end', async () => {
    using peer = await begun()
    const expand = request(method('expand').path)
    peer.send(frame(HEADERS, END_HEADERS, 1, expand), frame(DATA, 0, 1, body))
    expect(await peer.answer(1)).toMatchObject({ ':status': '200', 'grpc-status': '0' })
    peer.send(frame(HEADERS, END_HEADERS, 3, expand), frame(DATA, 0, 3, body), frame(DATA, END_STREAM, 3, body))
    expect(await peer.answer(3)).toMatchObject({ ':status': '200', 'grpc-status': '12' })
  })

  it('reads what is not gRPC to its end before it turns it down, and keeps it to the rules', async () => {
    using peer = await begun()
    const html = request(path, { 'content-type': 'text/html', 'content-length': '2' })
    peer.send(frame(HEADERS, END_HEADERS, 1, html), frame(DATA, 0, 1, Buffer.from('a')), frame(PING, 0, 0, Buffer.alloc(8)))
    await peer.frame(PING)
    expect(peer.frames.some(({ id }) => id === 1)).toBe(false)
    peer.send(frame(DATA, END_STREAM, 1, Buffer.from('b')))
    expect(await peer.answer(1)).toMatchObject({ ':status': '415' })
    expect((await peer.frame(DATA, 1)).payload.toString()).toContain('gRPC')
    peer.send(frame(HEADERS, END_HEADERS, 3, html), frame(DATA, END_STREAM, 3, Buffer.from('abc')))
    expect((await peer.frame(RST_STREAM, 3)).payload).toEqual(u32(PROTOCOL_ERROR))
  })
})
