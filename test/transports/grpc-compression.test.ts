import { once } from 'node:events'
import { type AddressInfo, connect, createServer } from 'node:net'
import { gunzipSync, gzipSync } from 'node:zlib'
import { create, toBinary } from '@bufbuild/protobuf'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Endpoint } from '../../src/endpoint.ts'
import { borrow, giveBack } from '../../src/http2/lending.ts'
import type { Listener } from '../../src/transport.ts'
import { acceptsGzip, compress, decompress } from '../../src/transports/grpc/compression.ts'
import { type GrpcOptions, grpc } from '../../src/transports/grpc.ts'
import { type EchoMessage, EchoMessageSchema } from '../gen/echo_pb.ts'
import { collect, contextOf, method, streamOf } from '../support/context.ts'
import { frame, message, preface, type RawPeer, rawPeer, request } from '../support/raw-http2.ts'

const long = create(EchoMessageSchema, { text: 'again and '.repeat(20_000) })
const plain = toBinary(EchoMessageSchema, long)
const path = method('unary').path
const routes = (one: string) =>
  one === path
    ? { method: method('unary'), endpoint: (async (request) => request) as Endpoint }
    : { method: method('chat'), endpoint: (async (requests: unknown) => requests) as Endpoint }

/** A message with its prefix that says it is compressed. */
function flagged(bytes: Uint8Array): Buffer {
  const whole = message(bytes)
  whole[0] = 1
  return whole
}

let listener: Listener
beforeAll(async () => {
  listener = await grpc().listen(routes, { address: '127.0.0.1:0' })
})
afterAll(() => listener.close())

async function begun(): Promise<RawPeer> {
  const peer = await rawPeer(listener.address)
  peer.send(preface, frame(4, 0, 0))
  return peer
}

describe('compression', () => {
  it('is not worth it for what is short or does not get shorter', () => {
    expect(compress(Buffer.alloc(1023))).toBeUndefined()
    expect(compress(Buffer.from(Array.from({ length: 2000 }, (_, i) => (i * 7919) ^ (i >> 3) ^ (i * i))))).toBeUndefined()
    expect(gunzipSync(compress(plain) ?? '')).toEqual(Buffer.from(plain))
  })

  it('gives the memory back that it has read', () => {
    const lent = borrow(1_048_576)
    lent.fill('again and ')
    expect(compress(lent)).toBeDefined()
    const next = borrow(1_048_576)
    expect(next.buffer === lent.buffer).toBe(true)
    giveBack(next)
  })

  it('is undone only up to the limit', () => {
    expect(decompress(gzipSync(plain), 'gzip', plain.length)).toEqual(plain)
    expect(() => decompress(gzipSync(plain), 'gzip', plain.length - 1)).toThrow(/resource_exhausted.*maxReceiveBytes/)
    expect(() => decompress(gzipSync(plain).subarray(0, 50), 'gzip', 1e6)).toThrow(/internal.*decompressed/)
    expect(() => decompress(gzipSync(plain), 'snappy', 1e6)).toThrow(/internal.*snappy.*gzip/)
    expect(decompress(Buffer.alloc(0), 'gzip', 1e6)).toHaveLength(0)
  })

  it.each([
    ['gzip', true],
    ['identity,deflate, gzip', true],
    ['identity', false],
    ['x-gzip', false],
  ])('is accepted or not by %j', (value, accepts) => expect(acceptsGzip(value)).toBe(accepts))

  it.each<[string, GrpcOptions, GrpcOptions, boolean, boolean]>([
    ['nobody asks for it', {}, {}, false, false],
    ['the client asks for it', { compression: 'gzip' }, {}, true, true],
    ['the server asks for it', {}, { compression: 'gzip' }, false, true],
  ])('makes less of what travels, when %s', async (_, clientOptions, serverOptions, shortRequests, shortReplies) => {
    const server = await grpc(serverOptions).listen(routes, { address: '127.0.0.1:0' })
    const counted = { sent: 0, received: 0 }
    const relay = createServer((near) => {
      const far = connect(Number(server.address.split(':')[1]), '127.0.0.1')
      near.on('data', (bytes) => (counted.sent += bytes.length)).on('error', () => {})
      far.on('data', (bytes) => (counted.received += bytes.length)).on('error', () => {})
      near.pipe(far).pipe(near)
    }).listen(0, '127.0.0.1')
    await once(relay, 'listening')
    const connection = grpc(clientOptions).dial(`127.0.0.1:${(relay.address() as AddressInfo).port}`)
    expect(((await connection.call(long, contextOf())) as EchoMessage).text).toBe(long.text)
    const stream = await connection.call(streamOf(long, create(EchoMessageSchema)), contextOf({ method: method('chat') }))
    expect((await collect(stream as AsyncIterable<EchoMessage>)).map(({ text }) => text.length)).toEqual([long.text.length, 0])
    expect(counted.sent < plain.length).toBe(shortRequests)
    expect(counted.received < plain.length).toBe(shortReplies)
    await connection.close()
    await server.close()
    relay.close()
  })

  it('of a request is answered in kind only to who can read it', async () => {
    using peer = await begun()
    const send = (id: number, accepts: string): void =>
      peer.send(
        frame(1, 4, id, request(path, { 'grpc-encoding': 'gzip', 'grpc-accept-encoding': accepts })),
        frame(0, 1, id, flagged(gzipSync(plain))),
      )
    send(1, 'identity,gzip')
    expect(await peer.answer(1)).toMatchObject({ 'grpc-status': '0', 'grpc-encoding': 'gzip' })
    const { payload } = await peer.frame(0, 1)
    expect(payload[0]).toBe(1)
    expect(gunzipSync(payload.subarray(5))).toEqual(Buffer.from(plain))
    peer.send(frame(8, 0, 0, Buffer.from([0, 16, 0, 0])))
    send(3, 'identity')
    expect((await peer.frame(0, 3)).payload[0]).toBe(0)
    expect((await peer.frame(1, 3)).flags).toBe(4)
  })

  it('that is not known is turned down, with what is', async () => {
    using peer = await begun()
    peer.send(frame(1, 4, 1, request(path, { 'grpc-encoding': 'snappy' })), frame(0, 1, 1, flagged(plain.subarray(0, 10))))
    const answer = await peer.answer(1)
    expect(answer).toMatchObject({ 'grpc-status': '12', 'grpc-accept-encoding': 'identity,gzip' })
    expect(answer['grpc-message']).toContain('snappy')
  })

  it.each([
    ['is not said to be any', {}, gzipSync(plain), '13'],
    ['cannot be undone', { 'grpc-encoding': 'gzip' }, plain.subarray(0, 100), '13'],
    ['is a bomb', { 'grpc-encoding': 'gzip' }, gzipSync(Buffer.alloc(100_000_000)), '8'],
  ] as const)('that %s fails its call, not the connection', async (_, headers, bytes, status) => {
    for (const to of [path, method('chat').path]) {
      using peer = await begun()
      const before = process.memoryUsage().rss
      peer.send(frame(1, 4, 1, request(to, headers)))
      const whole = flagged(bytes)
      for (let at = 0; at < whole.length; at += 16_384) peer.send(frame(0, 0, 1, whole.subarray(at, at + 16_384)))
      expect(await peer.answer(1)).toMatchObject({ 'grpc-status': status })
      expect(process.memoryUsage().rss - before).toBeLessThan(80_000_000)
      peer.send(frame(1, 4, 3, request(path)), frame(0, 1, 3, message(Buffer.alloc(0))))
      expect(await peer.answer(3)).toMatchObject({ 'grpc-status': '0' })
    }
  })
})
