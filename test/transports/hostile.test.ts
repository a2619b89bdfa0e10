import { once } from 'node:events'
import { connect } from 'node:net'
import { create, toBinary } from '@bufbuild/protobuf'
import { describe, expect, it } from 'vitest'
import { EchoMessageSchema } from '../gen/echo_pb.ts'
import {
  body,
  CONTINUATION,
  call,
  DATA,
  END_HEADERS,
  END_STREAM,
  ENHANCE_YOUR_CALM,
  GOAWAY,
  HEADERS,
  nth,
  open,
  PING,
  PRIORITIZED,
  PRIORITY,
  path,
  RST_STREAM,
  SETTINGS,
  scene,
  setting,
  text,
  times,
  u32,
  WINDOW_UPDATE,
} from '../hostile/scene.ts'
import { until } from '../support/echo.ts'
import { frame, message, preface, type RawPeer, request } from '../support/raw-http2.ts'

const resets = (peer: RawPeer, code: number): number =>
  peer.frames.filter(({ type, payload }) => type === RST_STREAM && payload.readUInt32BE(0) === code).length

describe('a flood of', () => {
  it.each<[string, string, (i: number) => Uint8Array]>([
    ['SETTINGS', 'too_many_control_frames', () => frame(SETTINGS, 0, 0, setting(4, 65_535))],
    ['SETTINGS that were never asked for', 'too_many_control_frames', () => frame(SETTINGS, 1, 0)],
    ['PRIORITY', 'too_many_control_frames', () => frame(PRIORITY, 0, 99, Buffer.concat([u32(3), Buffer.from([1])]))],
    ['frames that nobody knows', 'too_many_control_frames', () => frame(0x42, 0, 0)],
    ['empty DATA', 'too_many_control_frames', () => frame(DATA, 0, 1)],
    ['DATA that is all padding', 'too_many_control_frames', () => frame(DATA, 8, 1, Buffer.from([3, 0, 0, 0]))],
    ['PINGs', 'too_many_pings', () => frame(PING, 0, 0, Buffer.alloc(8))],
    ['calls that are reset at once', 'too_many_resets', (i) => Buffer.concat([open(nth(i)), frame(RST_STREAM, 0, nth(i), u32(8))])],
    ['windows of 0', 'too_many_resets', (i) => Buffer.concat([open(nth(i)), frame(WINDOW_UPDATE, 0, nth(i), u32(0))])],
    ['windows too large', 'too_many_resets', (i) => Buffer.concat([open(nth(i)), frame(WINDOW_UPDATE, 0, nth(i), u32(0x7fffffff))])],
    [
      'streams that depend on themselves',
      'too_many_resets',
      (i) => frame(HEADERS, END_HEADERS | PRIORITIZED, nth(i), Buffer.concat([u32(nth(i)), Buffer.from([1]), request(path)])),
    ],
    ['malformed headers', 'too_many_resets', (i) => frame(HEADERS, END_HEADERS, nth(i), request(path, { te: 'gzip' }))],
    ['empty headers', 'too_many_resets', (i) => frame(HEADERS, END_HEADERS, nth(i))],
    [
      'DATA on streams that have ended',
      'too_many_resets',
      (i) => Buffer.concat([frame(HEADERS, END_HEADERS | END_STREAM, nth(i), request('/none')), frame(DATA, 0, nth(i), Buffer.alloc(1))]),
    ],
  ])('%s ends the connection that it comes on, and no other', async (_, why, make) => {
    await using one = await scene({ maxResets: 100, maxControlFrames: 100 })
    using peer = await one.peer()
    peer.send(open(1), times(300, make))
    const { payload } = await peer.frame(GOAWAY)
    expect(payload.readUInt32BE(4)).toBe(ENHANCE_YOUR_CALM)
    expect(payload.toString('latin1', 8)).toBe(why)
    await until('it is closed', () => peer.closed)
    await one.serves()
  })

  it('calls that are reset never has more handlers under way than are allowed', async () => {
    await using one = await scene({}, { maxConcurrentStreams: 50 })
    using peer = await one.peer()
    peer.send(times(500, (i) => Buffer.concat([call(nth(i), text('wait')), frame(RST_STREAM, 0, nth(i), u32(8))])))
    await one.serves()
    expect(one.busy.most).toBeLessThanOrEqual(51)
  })

  it('connections leaves those that are there alone', async () => {
    await using one = await scene({ maxConnections: 4 })
    using first = await one.peer()
    const more = Array.from({ length: 20 }, () => connect(Number(one.listener.address.split(':')[1]), '127.0.0.1').on('error', () => {}))
    await until('most are turned away', () => more.filter(({ destroyed, readableEnded }) => destroyed || readableEnded).length >= 18)
    first.send(call(1))
    expect(await first.answer(1)).toMatchObject({ 'grpc-status': '0' })
    await one.serves()
    for (const socket of more) socket.destroy()
  })
})

describe('PINGs', () => {
  it('are welcome while there is something to say', async () => {
    await using one = await scene()
    using peer = await one.peer()
    for (let i = 0; i < 10; i++) {
      peer.send(call(nth(i)), frame(PING, 0, 0, Buffer.alloc(8)))
      expect(await peer.answer(nth(i))).toMatchObject({ 'grpc-status': '0' })
    }
    expect(peer.frames.some(({ type }) => type === GOAWAY)).toBe(false)
  })
})

describe('headers', () => {
  it.each<[string, () => Uint8Array]>([
    ['are too long', () => request(path, { 'x-long': 'x'.repeat(17_000) })],
    ['are too many', () => request(path, Object.fromEntries(Array.from({ length: 500 }, (_, i) => [`x${i}`, '1'])))],
    [
      'are a bomb',
      () => {
        const entry = Buffer.concat([Buffer.from([0x40, 1, 0x78, 0x7f, 0xa1, 0x1e]), Buffer.alloc(4000, 0x61)])
        return Buffer.concat([request(path), entry, Buffer.alloc(12_000, 0x80 | 62)])
      },
    ],
  ])('that %s fail their call only', async (_, make) => {
    await using one = await scene()
    using peer = await one.peer()
    const before = process.memoryUsage().rss
    const block = make()
    peer.send(frame(HEADERS, 0, 1, block.subarray(0, 16_000)), frame(CONTINUATION, END_HEADERS, 1, block.subarray(16_000)))
    expect(await peer.answer(1)).toMatchObject({ 'grpc-status': '8' })
    expect(process.memoryUsage().rss - before).toBeLessThan(50_000_000)
    peer.send(call(3))
    expect(await peer.answer(3)).toMatchObject({ 'grpc-status': '0' })
  })

  it('without an end are given up', async () => {
    await using one = await scene()
    using peer = await one.peer()
    peer.send(
      frame(HEADERS, 0, 1, request(path)),
      times(40, () => frame(CONTINUATION, 0, 1, Buffer.alloc(16_000))),
    )
    expect((await peer.frame(GOAWAY)).payload.readUInt32BE(4)).toBe(ENHANCE_YOUR_CALM)
    await one.serves()
  })

  it('may come in as many frames as server.maxHeaderFrames says', async () => {
    await using one = await scene({ maxHeaderFrames: 3 })
    using peer = await one.peer()
    const block = request(path)
    const inFrames = (id: number, count: number): Buffer =>
      times(count, (i) =>
        frame(
          i === 0 ? HEADERS : CONTINUATION,
          i === count - 1 ? END_HEADERS : 0,
          id,
          block.subarray(i, i === count - 1 ? undefined : i + 1),
        ),
      )
    peer.send(inFrames(1, 3), frame(DATA, END_STREAM, 1, body))
    expect(await peer.answer(1)).toMatchObject({ 'grpc-status': '0' })
    peer.send(inFrames(3, 4))
    expect((await peer.frame(GOAWAY)).payload.toString('latin1', 4)).toMatch(/header block of \d+ bytes in 4 frames$/)
    await one.serves()
  })

  it('may come in sixteen times as many bytes as maxHeaderBytes says', async () => {
    await using one = await scene({}, { maxHeaderBytes: 1024 })
    using peer = await one.peer()
    const block = request(path, { 'x-long': 'x'.repeat(15_000) })
    peer.send(frame(HEADERS, 0, 1, block.subarray(0, 8000)), frame(CONTINUATION, END_HEADERS, 1, block.subarray(8000)))
    expect(await peer.answer(1)).toMatchObject({ 'grpc-status': '8' })
    peer.send(frame(HEADERS, 0, 3, block.subarray(0, 14_000)), frame(CONTINUATION, 0, 3, Buffer.alloc(2400)))
    expect((await peer.frame(GOAWAY)).payload.toString('latin1', 8)).toBe('header block of 16400 bytes in 2 frames')
    await one.serves()
  })
})

describe('requests that do not end', () => {
  it('keep no more messages than there is room for', async () => {
    await using one = await scene({ maxBufferBytes: 1_048_576 }, { connectionWindow: 65_535, streamWindow: 400_100 })
    using peer = await one.peer()
    const large = message(toBinary(EchoMessageSchema, create(EchoMessageSchema, { payload: new Uint8Array(400_000) })))
    const pieces = (id: number): Buffer =>
      times(Math.ceil(large.length / 16_384), (i) => frame(DATA, 0, id, large.subarray(i * 16_384, (i + 1) * 16_384)))
    peer.send(times(2, (i) => Buffer.concat([open(nth(i)), pieces(nth(i))])))
    expect(await peer.answer(nth(1))).toMatchObject({ 'grpc-status': '8' })
    expect(one.busy.now).toBe(0)
    peer.send(frame(DATA, END_STREAM, nth(0)), open(nth(3)), pieces(nth(3)), frame(DATA, END_STREAM, nth(3)))
    expect((await peer.frame(HEADERS, nth(3))).flags).toBe(END_HEADERS)
    await one.serves()
  })
})

describe('windows', () => {
  it('of 0 keep no more answers than there is room for', async () => {
    await using one = await scene({ maxBufferBytes: 2_097_152 })
    using peer = await one.peer(setting(4, 0))
    for (let i = 0; i < 20; i++) {
      peer.send(call(nth(i), text('big')))
      await until(
        'it is dealt with',
        () => peer.frames.filter(({ type, id }) => id > 0 && (type === HEADERS || type === RST_STREAM)).length > i,
      )
    }
    expect(resets(peer, 7)).toBe(18)
    await one.serves()
    peer.send(frame(RST_STREAM, 0, nth(0), u32(8)), frame(RST_STREAM, 0, nth(1), u32(8)), open(99), frame(DATA, END_STREAM, 99, body))
    expect((await peer.frame(HEADERS, 99)).flags).toBe(END_HEADERS)
  })

  it('of 0 make answers fail that were begun together and are far too many', async () => {
    await using one = await scene({ maxBufferBytes: 1_048_576 })
    using peer = await one.peer(setting(4, 0))
    peer.send(times(20, (i) => call(nth(i), text('big'))))
    await until('some fail', () => peer.frames.filter(({ type, flags }) => type === HEADERS && (flags & END_STREAM) !== 0).length >= 10)
    await one.serves()
  })

  it('of a byte let an answer through byte by byte, and nobody else wait', async () => {
    await using one = await scene()
    using peer = await one.peer(setting(4, 1))
    peer.send(call(1))
    for (let i = 1; i < body.length; i++) {
      peer.send(frame(WINDOW_UPDATE, 0, 1, u32(1)))
      if (i % 4 === 0) await one.serves()
    }
    expect(await peer.answer(1)).toMatchObject({ 'grpc-status': '0' })
    expect(Buffer.concat(peer.frames.filter(({ type }) => type === DATA).map(({ payload }) => payload))).toEqual(body)
  })
})

describe('requests', () => {
  it('that never come to their end take no more than there is room for', async () => {
    await using one = await scene({ maxBufferBytes: 1_048_576 }, { connectionWindow: 65_535, maxReceiveBytes: 1_048_576 })
    using peer = await one.peer()
    const prefix = Buffer.concat([Buffer.from([0]), u32(1_000_000)])
    let sent = 0
    const granted = (): number =>
      peer.frames.reduce((sum, { type, id, payload }) => sum + (type === WINDOW_UPDATE && id === 0 ? payload.readUInt32BE(0) : 0), 65_535)
    const failed = (): boolean => peer.frames.some(({ type }) => type === HEADERS)
    for (let i = 0; i < 500 && !failed(); i++) {
      await until('there is room', () => failed() || granted() - sent >= 10_005)
      peer.send(open(nth(i)), frame(DATA, 0, nth(i), prefix), frame(DATA, 0, nth(i), Buffer.alloc(10_000)))
      sent += 10_005
    }
    expect(sent).toBeLessThan(1_500_000)
    await until('some have failed', () => peer.frames.some(({ type }) => type === HEADERS))
    expect(await peer.answer(peer.frames.find(({ type }) => type === HEADERS)?.id ?? 0)).toMatchObject({ 'grpc-status': '8' })
    await one.serves()
  })

  it('that are too large fail before they are there', async () => {
    await using one = await scene()
    using peer = await one.peer()
    peer.send(open(1), frame(DATA, 0, 1, Buffer.from([0, 0xff, 0xff, 0xff, 0xff])), call(3))
    expect(await peer.answer(1)).toMatchObject({ 'grpc-status': '8' })
    expect(await peer.answer(3)).toMatchObject({ 'grpc-status': '0' })
  })

  it('that trickle in take little more memory than their bytes', async () => {
    await using one = await scene()
    using peer = await one.peer()
    const whole = message(toBinary(EchoMessageSchema, create(EchoMessageSchema, { payload: new Uint8Array(200_000) })))
    const before = process.memoryUsage()
    peer.send(
      open(1),
      times(whole.length - 1, (i) => frame(DATA, 0, 1, whole.subarray(i, i + 1))),
    )
    peer.send(frame(PING, 0, 0, Buffer.alloc(8)))
    await peer.frame(PING)
    expect(process.memoryUsage().arrayBuffers - before.arrayBuffers).toBeLessThan(30_000_000)
    peer.send(
      frame(DATA, END_STREAM, 1, whole.subarray(-1)),
      frame(WINDOW_UPDATE, 0, 1, u32(1_000_000)),
      frame(WINDOW_UPDATE, 0, 0, u32(1_000_000)),
    )
    expect(await peer.answer(1)).toMatchObject({ 'grpc-status': '0' })
  })
})

describe('a connection that does not begin', () => {
  it.each<[string, readonly Uint8Array[]]>([
    ['says nothing', []],
    ['says only some of its preface', [preface.subarray(0, 10)]],
    ['says no more than its preface', [preface]],
    ['trickles', Array.from({ length: 20 }, (_, i) => preface.subarray(i, i + 1))],
  ])('because it %s is left', async (_, parts) => {
    await using one = await scene({ handshakeTimeout: 150 })
    const socket = connect(Number(one.listener.address.split(':')[1]), '127.0.0.1').on('error', () => {})
    socket.resume()
    await once(socket, 'connect')
    const begun = performance.now()
    const closed = new Promise((resolve) => socket.once('close', resolve))
    let over = false
    void closed.then(() => {
      over = true
    })
    for (const part of parts) {
      if (over) break
      socket.write(part)
      await new Promise((resolve) => setTimeout(resolve, 40))
    }
    await closed
    expect(performance.now() - begun).toBeLessThan(8000)
    await one.serves()
  })
})
