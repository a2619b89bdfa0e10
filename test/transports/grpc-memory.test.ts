import { create, toBinary } from '@bufbuild/protobuf'
import { describe, expect, it } from 'vitest'
import { type Client, closeClient, createClient } from '../../src/index.ts'
import { type GrpcOptions, grpc } from '../../src/transports/grpc.ts'
import { Echo, EchoMessageSchema } from '../gen/echo_pb.ts'
import {
  call,
  DATA,
  END_HEADERS,
  END_STREAM,
  HEADERS,
  nth,
  open,
  path,
  RST_STREAM,
  scene,
  setting,
  streamPath,
  text,
  times,
  u32,
  WINDOW_UPDATE,
} from '../hostile/scene.ts'
import { startEcho, until } from '../support/echo.ts'
import { held } from '../support/memory.ts'
import { frame, message, type RawPeer } from '../support/raw-http2.ts'

const sized = (bytes: number): Buffer => message(toBinary(EchoMessageSchema, create(EchoMessageSchema, { payload: new Uint8Array(bytes) })))
const inFrames = (id: number, bytes: Uint8Array, last = 0): Buffer =>
  times(Math.ceil(bytes.length / 16_384), (i) =>
    frame(DATA, (i + 1) * 16_384 >= bytes.length ? last : 0, id, bytes.subarray(i * 16_384, (i + 1) * 16_384)),
  )
/** Streams that the peer was told it may send more on. */
const furthered = (peer: RawPeer): number[] => [
  ...new Set(peer.frames.filter(({ type, id }) => type === WINDOW_UPDATE && id > 0).map(({ id }) => id)),
]
const answered = (peer: RawPeer, type: number = HEADERS): number =>
  new Set(peer.frames.filter((one) => one.type === type && one.id > 0).map(({ id }) => id)).size

describe('large messages', () => {
  const limits: GrpcOptions = { streamWindow: 65_535, connectionWindow: 1_048_576, server: { maxBufferBytes: 1_048_576 } }

  async function echoing(options: GrpcOptions, then: (client: Client<typeof Echo>) => Promise<void>): Promise<void> {
    const server = await startEcho({
      transport: grpc(options),
      changes: {
        unary: (request) => request,
        async collect(requests) {
          let count = 0
          for await (const { payload } of requests) count += payload.length
          return { count }
        },
      },
    })
    const client = createClient(Echo, { addresses: [server.address], middleware: [] })
    await then(client)
    await closeClient(client)
    await server.close()
  }

  it.each<[string, GrpcOptions, number, number]>([
    ['64 of a megabyte', {}, 64, 1_000_000],
    ['12 of almost four', {}, 12, 4_190_000],
    ['many more than there is room for', limits, 20, 300_000],
    ['any that are larger than the room', limits, 3, 2_000_000],
  ])('wait for each other, and none fails: %s at once', async (_, options, count, bytes) => {
    const payload = new Uint8Array(bytes).fill(7)
    await echoing(options, async (client) => {
      const replies = await Promise.all(Array.from({ length: count }, (_, i) => client.unary({ payload, count: i })))
      expect(replies.map((reply) => [reply.count, reply.payload.length])).toEqual(Array.from({ length: count }, (_, i) => [i, bytes]))
    })
  })

  it.each<[string, GrpcOptions, number, number]>([
    ['of a megabyte', {}, 48, 1_000_000],
    ['of more than there is room for', limits, 12, 300_000],
  ])('of streams do, too: %s', async (_, options, count, bytes) => {
    async function* three(): AsyncGenerator<{ payload: Uint8Array }> {
      for (let i = 0; i < 3; i++) yield { payload: new Uint8Array(bytes) }
    }
    await echoing(options, async (client) => {
      const replies = await Promise.all(Array.from({ length: count }, () => client.collect(three())))
      expect(replies.map((reply) => reply.count)).toEqual(Array.from({ length: count }, () => 3 * bytes))
    })
  })

  it('that do not come to their end hold back other large ones of the connection, and nothing else', async () => {
    await using one = await scene(limits.server, limits)
    using peer = await one.peer()
    const large = sized(400_000)
    for (let i = 0; i < 3; i++) peer.send(open(nth(i)), inFrames(nth(i), large.subarray(0, 65_000)))
    peer.send(call(nth(3)))
    expect(await peer.answer(nth(3))).toMatchObject({ 'grpc-status': '0' })
    expect(furthered(peer)).toEqual([nth(0)])
    peer.send(inFrames(nth(0), large.subarray(65_000), END_STREAM))
    await until('the next may go on', () => furthered(peer).length === 2)
    expect(furthered(peer)).toEqual([nth(0), nth(1)])
    peer.send(
      frame(RST_STREAM, 0, nth(2), u32(8)),
      frame(RST_STREAM, 0, nth(1), u32(8)),
      open(nth(4)),
      inFrames(nth(4), large.subarray(0, 65_000)),
    )
    await until('another one may go on', () => furthered(peer).includes(nth(4)))
  })
})

describe('answers that their caller does not take', () => {
  const words = { maxBufferBytes: 2_097_152 }

  it('keep new calls waiting, which begin when it does', async () => {
    await using one = await scene(words)
    using peer = await one.peer(setting(4, 0))
    peer.send(times(3, (i) => call(nth(i), text('big'))))
    await until('two answers wait', () => answered(peer) === 3)
    peer.send(call(nth(3)))
    await one.serves()
    expect(answered(peer)).toBe(3)
    peer.send(
      frame(WINDOW_UPDATE, 0, 0, u32(0x7000_0000)),
      frame(WINDOW_UPDATE, 0, nth(0), u32(2_000_000)),
      frame(WINDOW_UPDATE, 0, nth(1), u32(2_000_000)),
    )
    await until('the last one is answered', () => answered(peer) === 4)
    expect(answered(peer, RST_STREAM)).toBe(0)
  })

  it('make more than a few begin together only when these leave nothing waiting', async () => {
    await using one = await scene(words)
    using peer = await one.peer(setting(4, 0))
    peer.send(times(200, (i) => call(nth(i), text('big'))))
    await until('the others are refused', () => answered(peer) + answered(peer, RST_STREAM) === 200)
    expect(answered(peer)).toBe(16)
    // Refused at once while nothing has changed.
    peer.send(call(nth(200)))
    await peer.frame(RST_STREAM, nth(200))
    await one.serves()
  })

  it('hold little memory for a peer that does not even read its errors, which is left', async () => {
    await using one = await scene({ maxBufferBytes: 65_536 })
    using peer = await one.peer()
    const before = held()
    peer.send(times(3000, (i) => call(nth(i), text('fail'))))
    await until('all are under way', () => one.busy.now === 3000)
    peer.socket.pause()
    one.release()
    await until('they have failed', () => one.busy.now === 0)
    await one.serves()
    // Of 48 MB.
    expect(held() - before).toBeLessThan(16_000_000)
    peer.socket.resume()
    await until('it is closed', () => peer.closed)
  })
})

describe('what all connections hold together', () => {
  const server = { maxBufferBytes: 1_048_576, maxTotalBufferBytes: 2_097_152 }
  const large = sized(600_000)

  it('is bounded: what is large fails on others, what is small does not', async () => {
    await using one = await scene(server, { streamWindow: 1_048_576 })
    const holding: RawPeer[] = []
    for (let i = 0; i < 4; i++) {
      const peer = await one.peer()
      holding.push(peer)
      peer.send(open(1), inFrames(1, large.subarray(0, 500_000)))
      peer.send(call(3))
      expect(await peer.answer(3)).toMatchObject({ 'grpc-status': '0' })
    }
    const failed = holding.filter((peer) =>
      peer.frames.some(({ type, id, flags }) => type === HEADERS && id === 1 && (flags & END_STREAM) !== 0),
    )
    expect(failed.length).toBeGreaterThan(0)
    const fields = await (failed[0] as RawPeer).answer(1)
    expect(fields).toMatchObject({ 'grpc-status': '8', 'grpc-message': expect.stringContaining('server.maxTotalBufferBytes') })
    await one.serves()
    for (const peer of holding) peer.socket.destroy()
    using last = await one.peer()
    const whole = (): Promise<boolean> => {
      const id = nth(last.frames.length)
      last.send(open(id), inFrames(id, large, END_STREAM))
      return last.frame(HEADERS, id).then(({ flags }) => flags === END_HEADERS)
    }
    await until('there is room again', whole)
  })

  it.each([
    ['answers', path],
    ['messages of streams', streamPath],
  ])('has the %s in it that nobody takes; what does not fit fails', async (_, to) => {
    await using one = await scene({ maxTotalBufferBytes: 4_194_304 })
    const kept: number[] = []
    const peers: RawPeer[] = []
    for (let i = 0; i < 5; i++) {
      const peer = await one.peer(setting(4, 0))
      peers.push(peer)
      for (let k = 0; k < 6; k++) {
        peer.send(call(nth(k), text('big'), to))
        await until('it is dealt with', () => answered(peer) + answered(peer, RST_STREAM) > k)
      }
      const failed = peer.frames.filter(({ type, flags }) => type === HEADERS && (flags & END_STREAM) !== 0)
      kept.push(answered(peer) - failed.length)
      for (const { id } of failed)
        expect(await peer.answer(id)).toMatchObject({
          'grpc-status': '8',
          'grpc-message': expect.stringContaining('server.maxTotalBufferBytes'),
        })
    }
    // Each may hold as much as it leaves to others.
    expect(kept).toEqual([2, 1, 0, 0, 0])
    await one.serves()
    for (const peer of peers) peer.socket.destroy()
    using last = await one.peer(setting(4, 0))
    await until('there is room again', async () => {
      const id = nth(last.frames.length)
      last.send(call(id, text('big')), call(id + 2, text('big')))
      return Promise.race([last.frame(HEADERS, id + 2).then(() => true), last.frame(RST_STREAM, id + 2).then(() => false)])
    })
    await one.serves()
  })
})
