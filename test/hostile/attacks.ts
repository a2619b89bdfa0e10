import type { Socket } from 'node:net'
import { gzipSync } from 'node:zlib'
import { create, toBinary } from '@bufbuild/protobuf'
import { EchoMessageSchema } from '../gen/echo_pb.ts'
import { method } from '../support/context.ts'
import { until } from '../support/echo.ts'
import { frame, message, type RawPeer, request } from '../support/raw-http2.ts'
import type { Victim } from './stage.ts'

/** Something that a hostile peer does, and how it has to end. */
export interface Attack {
  readonly threat: string
  readonly ends: RegExp
  /** MiB that the server may hold of it, the part of waiting answers included that the system's buffers have taken. Default 112. */
  readonly holds?: number
  /** Resolves with how it ended. */
  run(victim: Victim): Promise<string>
}

const bound = 60_000
const { path } = method('unary')
const u32 = (...values: number[]): Buffer => {
  const bytes = Buffer.alloc(4 * values.length)
  for (const [i, value] of values.entries()) bytes.writeUInt32BE(value, 4 * i)
  return bytes
}
const text = (word: string): Buffer => message(toBinary(EchoMessageSchema, create(EchoMessageSchema, { text: word })))
const setting = (id: number, value: number): Buffer => Buffer.concat([Buffer.from([0, id]), u32(value)])
const head = request(path)
const open = (id: number): Buffer => frame(1, 4, id, head)
const nth = (i: number): number => 2 * i + 3
const left = (peer: RawPeer): boolean => peer.closed || peer.frames.some(({ type }) => type === 7)
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

/** Says `make(i)` for i from 0 until the server has had enough, a hundred at a time. Resolves with how many it took at most. */
async function pour(peer: RawPeer, most: number, make: (i: number) => Uint8Array): Promise<number> {
  let sent = 0
  while (sent < most && !left(peer)) {
    const pieces = Array.from({ length: Math.min(100, most - sent) }, (_, i) => make(sent + i))
    sent += pieces.length
    if (!peer.socket.write(Buffer.concat(pieces))) await until('it reads', () => left(peer) || peer.socket.writableLength === 0, bound)
    else await new Promise((resolve) => setImmediate(resolve))
  }
  return sent
}

/** A flood that ends with GOAWAY. */
function floods(threat: string, why: string, make: (i: number) => Uint8Array, most = 40_000): Attack {
  return {
    threat,
    ends: new RegExp(`^${why} after at most \\d+$`),
    async run({ peer }) {
      const one = await peer()
      one.send(open(1))
      const sent = await pour(one, most, make)
      const { payload } = await one.frame(7)
      await until('it is closed', () => one.closed, bound)
      return `${payload.toString('latin1', 8)} after at most ${sent}`
    },
  }
}

/** One that only its own call fails by. */
function fails(threat: string, status: number, ...frames: readonly Uint8Array[]): Attack {
  return {
    threat,
    ends: new RegExp(`^its call failed with status ${status}, the next one was answered$`),
    async run({ peer }) {
      const one = await peer()
      one.send(...frames)
      await until('an answer', () => one.frames.some(({ type, id, flags }) => type === 1 && id === 1 && (flags & 1) !== 0), bound)
      const answered = await one.answer(1)
      one.send(open(3), frame(0, 1, 3, text('hello')))
      const next = await one.answer(3)
      return `its call failed with status ${answered['grpc-status']}, the next one ${next['grpc-status'] === '0' ? 'was answered' : 'failed'}`
    },
  }
}

/** Connections that say a little, and nothing more, until the server has had enough. */
function lingers(threat: string, count: number, said: Uint8Array | string, again?: string): Attack {
  return {
    threat,
    ends: /^all \d+ closed after \d+ s$/,
    async run({ socket }) {
      const begun = performance.now()
      const all: Socket[] = []
      for (let i = 0; i < count; i++) {
        const one = await socket()
        one.resume().write(said)
        all.push(one)
      }
      while (all.some((one) => !one.closed)) {
        await pause(100)
        if (again !== undefined) for (const one of all) if (one.writable) one.write(again)
        if (performance.now() - begun > bound) return 'some are still there'
      }
      return `all ${count} closed after ${Math.round((performance.now() - begun) / 1000)} s`
    },
  }
}

/** Connections that ask for many answers of a MiB each, and read none of them. */
function readsNothing(threat: string, word: string, count: number, answers: number): Attack {
  return {
    threat,
    ends: /^still there, \d+ KiB of \d+ taken from it$/,
    async run({ peer }) {
      const asked = Buffer.concat(Array.from({ length: answers }, (_, i) => Buffer.concat([open(nth(i)), frame(0, 1, nth(i), text(word))])))
      const all: RawPeer[] = []
      for (let i = 0; i < count; i++) {
        const one = await peer(setting(4, 0x7fffffff))
        all.push(one)
        one.send(frame(8, 0, 0, u32(0x7fff0000)))
        one.socket.pause()
        one.socket.write(asked)
      }
      await pause(2000)
      const left = all.reduce((sum, { socket }) => sum + socket.writableLength, 0)
      const sent = count * asked.length
      return `still there, ${Math.round((sent - left) / 1024)} KiB of ${Math.round(sent / 1024)} taken from it`
    },
  }
}

const bomb = Buffer.concat([
  request(path),
  Buffer.from([0x40, 1, 0x78, 0x7f, 0xa1, 0x1e]),
  Buffer.alloc(4000, 0x61),
  Buffer.alloc(12_000, 0xbe),
])
const zipped = message(gzipSync(Buffer.alloc(268_435_456)))
zipped[0] = 1
const parts = (id: number, bytes: Buffer): Buffer[] =>
  Array.from({ length: Math.ceil(bytes.length / 16_384) }, (_, i) => {
    const part = bytes.subarray(i * 16_384, (i + 1) * 16_384)
    return frame(0, (i + 1) * 16_384 >= bytes.length ? 1 : 0, id, part)
  })

/** All of them, against a server with its default limits. */
export const attacks: readonly Attack[] = [
  floods('rapid reset (CVE-2023-44487)', 'too_many_resets', (i) => Buffer.concat([open(nth(i)), frame(3, 0, nth(i), u32(8))])),
  floods('MadeYouReset (CVE-2025-8671)', 'too_many_resets', (i) => Buffer.concat([open(nth(i)), frame(8, 0, nth(i), u32(0))])),
  floods('windows that overflow', 'too_many_resets', (i) => Buffer.concat([open(nth(i)), frame(8, 0, nth(i), u32(0x7fffffff))])),
  floods('SETTINGS flood', 'too_many_control_frames', () => frame(4, 0, 0, setting(4, 65_535))),
  floods('PING flood', 'too_many_pings', () => frame(6, 0, 0, Buffer.alloc(8))),
  floods('PRIORITY flood', 'too_many_control_frames', () => frame(2, 0, 99, Buffer.concat([u32(3), Buffer.from([1])]))),
  floods('zero-length DATA flood', 'too_many_control_frames', () => frame(0, 0, 1)),
  floods('CONTINUATION flood', 'header block of \\d+ bytes in \\d+ frames', (i) =>
    i === 0 ? frame(1, 0, 3, head) : frame(9, 0, 3, Buffer.alloc(16_000)),
  ),
  floods('CONTINUATION flood, empty frames', 'header block of \\d+ bytes in \\d+ frames', (i) =>
    i === 0 ? frame(1, 0, 3, head) : frame(9, 0, 3),
  ),
  fails('HPACK bomb: 16 KB that stand for 48 MB', 8, frame(1, 0, 1, bomb.subarray(0, 16_000)), frame(9, 4, 1, bomb.subarray(16_000))),
  fails('a message of 4 GiB announced', 8, open(1), frame(0, 0, 1, Buffer.from([0, 0xff, 0xff, 0xff, 0xff]))),
  fails('compressed bomb: 256 MiB in 260 KB', 8, frame(1, 4, 1, request(path, { 'grpc-encoding': 'gzip' })), ...parts(1, zipped)),
  {
    threat: 'windows of 0: 1000 answers of a MiB that nobody takes',
    ends: /^\d+ wait, the others were refused or failed$/,
    async run({ peer }) {
      const one = await peer(setting(4, 0))
      const ended = (): number =>
        new Set(one.frames.filter(({ type, flags }) => type === 3 || (type === 1 && (flags & 1) !== 0)).map(({ id }) => id)).size
      const begun = (): number =>
        new Set(one.frames.filter(({ type, id }) => id > 0 && (type === 3 || type === 1)).map(({ id }) => id)).size
      for (let i = 0; i < 1000; i += 20) {
        one.send(...Array.from({ length: 20 }, (_, k) => Buffer.concat([open(nth(i + k)), frame(0, 1, nth(i + k), text('big'))])))
        await until('they are dealt with', () => begun() >= i + 20, bound)
      }
      return `${1000 - ended()} wait, the others were refused or failed`
    },
  },
  {
    threat: 'windows of a byte',
    ends: /^answered byte by byte$/,
    async run({ peer }) {
      const one = await peer(setting(4, 1))
      one.send(open(1), frame(0, 1, 1, text('x'.repeat(2000))))
      for (let i = 0; i < 2020; i += 20) {
        one.send(...Array.from({ length: 20 }, () => frame(8, 0, 1, u32(1))))
        await pause(1)
      }
      await one.answer(1)
      return 'answered byte by byte'
    },
  },
  readsNothing('a slow reader: asks for 1000 answers of a MiB and reads none', 'big', 1, 1000),
  readsNothing('the same, of handlers that take their time and end together', 'late', 1, 1000),
  { ...readsNothing('40 slow readers that ask for 100 such answers each', 'late', 40, 100), holds: 320 },
  {
    threat: 'slow writers: messages of 4 MB that are never whole, a stream each',
    ends: /^calls failed with status 8 from stream \d+ on$/,
    async run({ peer }) {
      const one = await peer()
      const begin = Buffer.concat([Buffer.from([0]), u32(4_000_000)])
      // As much as the stream's window has.
      const piece = Buffer.alloc(16_250)
      const refused = (): boolean => one.frames.some(({ type }) => type === 1 || type === 3)
      const granted = (): number =>
        one.frames.reduce((sum, { type, id, payload }) => sum + (type === 8 && id === 0 ? payload.readUInt32BE(0) : 0), 65_535)
      let sent = 0
      for (let i = 0; !refused(); i++) {
        await until('there is room', () => granted() - sent > 260_005 || refused(), bound)
        one.send(open(nth(i)), frame(0, 0, nth(i), begin), ...Array.from({ length: 16 }, () => frame(0, 0, nth(i), piece)))
        sent += 260_005
        await pause(1)
      }
      const { id } = await one.frame(1)
      return `calls failed with status ${(await one.answer(id))['grpc-status']} from stream ${id} on`
    },
  },
  {
    threat: 'slow writers: 1000 connections that begin a frame and send no more',
    ends: /^1000 are still there$/,
    holds: 40,
    async run({ peer }) {
      const begun = Buffer.concat([open(1), frame(0, 0, 1, Buffer.alloc(16_384)).subarray(0, 100)])
      const all: RawPeer[] = []
      while (all.length < 1000) {
        const one = await peer()
        one.send(begun)
        all.push(one)
      }
      await pause(500)
      return `${all.filter((one) => !left(one)).length} are still there`
    },
  },
  lingers('half-open: 500 connections that say nothing', 500, ''),
  lingers('500 connections that never finish their preface', 500, 'PRI * HTTP/2.0\r\n'),
  lingers('slow loris over HTTP/1.1: 500 connections, headers bit by bit', 500, 'POST / HTTP/1.1\r\nx-slow: ', 'a'),
  {
    threat: 'pipelining over HTTP/1.1 without waiting for answers',
    ends: /^closed$/,
    async run({ socket }) {
      const one = await socket()
      one.resume()
      const body = '{"text":"wait"}'
      const call = `POST ${path} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`
      while (!one.destroyed) {
        one.write(call.repeat(100))
        await pause(5)
      }
      return 'closed'
    },
  },
]
