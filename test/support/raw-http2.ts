import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { Decoder } from '../../src/http2/decoder.ts'
import { Encoder } from '../../src/http2/encoder.ts'
import { writeFrameHeader } from '../../src/http2/frames.ts'
import { until } from './echo.ts'

/** How long to wait for what a peer has to say, in milliseconds. */
const bound = 20_000

/** A frame as it came. */
export interface Frame {
  readonly type: number
  readonly flags: number
  readonly id: number
  readonly payload: Buffer
}

/** One frame's bytes. */
export function frame(type: number, flags: number, id: number, payload: Uint8Array = Buffer.alloc(0)): Buffer {
  const head = Buffer.alloc(9)
  writeFrameHeader(head, 0, payload.length, type, flags, id)
  return Buffer.concat([head, payload])
}

export const preface = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')

/** A peer that sends whatever it is told to, byte for byte. */
export interface RawPeer extends Disposable {
  readonly socket: Socket
  readonly frames: readonly Frame[]
  readonly closed: boolean
  send(...bytes: readonly Uint8Array[]): void
  /** Waits for a frame of a type, on a stream if given. */
  frame(type: number, id?: number): Promise<Frame>
  /** Waits for a stream to be answered; gives all header fields of it. */
  answer(id: number): Promise<Record<string, string>>
}

export async function rawPeer(address: string): Promise<RawPeer> {
  const [host, port] = address.split(':')
  const socket = connect(Number(port), host)
  await once(socket, 'connect')
  return raw(socket)
}

export function raw(socket: Socket): RawPeer {
  const frames: Frame[] = []
  const decoder = new Decoder((names, values) => names.map((name, i) => [name, values[i] ?? ''] as const), false, 65_536)
  const fields = new Map<number, Record<string, string>>()
  const ended = new Set<number>()
  let buffered = Buffer.alloc(0)
  let closed = false
  socket.on('error', () => {})
  socket.on('close', () => {
    closed = true
  })
  socket.on('data', (chunk: Buffer) => {
    buffered = Buffer.concat([buffered, chunk])
    while (buffered.length >= 9 && buffered.length >= 9 + buffered.readUIntBE(0, 3)) {
      const end = 9 + buffered.readUIntBE(0, 3)
      const one = {
        type: buffered[3] ?? 0,
        flags: buffered[4] ?? 0,
        id: buffered.readUInt32BE(5),
        payload: Buffer.from(buffered.subarray(9, end)),
      }
      buffered = buffered.subarray(end)
      frames.push(one)
      if (one.type === 1)
        fields.set(one.id, { ...fields.get(one.id), ...Object.fromEntries(decoder.block(one.payload, 0, one.payload.length).head) })
      if (one.type <= 1 && (one.flags & 1) !== 0) ended.add(one.id)
    }
  })
  return {
    socket,
    frames,
    get closed() {
      return closed
    },
    send: (...bytes) => void socket.write(Buffer.concat(bytes)),
    async frame(type, id) {
      const fits = (one: Frame): boolean => one.type === type && (id === undefined || one.id === id)
      await until(`a frame of type ${type}${id === undefined ? '' : ` on stream ${id}`}`, () => frames.some(fits), bound)
      return frames.find(fits) as Frame
    },
    async answer(id) {
      await until(`an answer on stream ${id}`, () => ended.has(id), bound)
      return fields.get(id) ?? {}
    },
    [Symbol.dispose]: () => socket.destroy(),
  }
}

/** A block of request headers for gRPC; fields given replace those of the same name, `''` leaves one out. */
export function request(path: string, changes: Readonly<Record<string, string>> = {}): Uint8Array {
  const usual = { ':method': 'POST', ':scheme': 'http', ':path': path, te: 'trailers', 'content-type': 'application/grpc' }
  const all = Object.entries({ ...usual, ...changes }).filter(([, value]) => value !== '')
  return new Encoder().encode(all.flat(), 0)
}

/** A gRPC message with its prefix. */
export function message(bytes: Uint8Array): Buffer {
  const prefix = Buffer.alloc(5)
  prefix.writeUInt32BE(bytes.length, 1)
  return Buffer.concat([prefix, bytes])
}
