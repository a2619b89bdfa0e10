import type { Codec } from '../../codec.ts'
import { RpcError } from '../../error.ts'
import { decompress, wrong } from './compression.ts'
import type { Room } from './room.ts'

/** Bytes before every message: a flag and the length. https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md */
export const prefixLength = 5

/** What a side takes. */
export interface Limits {
  /** Bytes of the largest message. */
  readonly maxReceiveBytes: number
}

/** Whether one whole message, uncompressed, and nothing else lies at `start` … `end`: the usual case, which needs no {@link Inbox}. */
export function isWholeMessage(from: Buffer, start: number, end: number, { maxReceiveBytes }: Limits): boolean {
  const length = end - start - prefixLength
  return length >= 0 && length <= maxReceiveBytes && from[start] === 0 && from.readUInt32BE(start + 1) === length
}

/** The message at `start` … `end`, in place. */
function view(from: Buffer, start: number, end: number): Uint8Array {
  return new Uint8Array(from.buffer, from.byteOffset + start, end - start)
}

/** Chunks are joined up to this size, so that a peer that sends byte by byte does not cost an object for each. */
const joined = 16_384

/** Decodes the message at `start` … `end`, whose bytes are only valid during the call. */
export function readMessage(codec: Codec, from: Buffer, start: number, end: number): unknown {
  return codec.read === undefined ? codec.decode(view(from, start, end)) : codec.read(from, start, end)
}

/** Bytes of a stream that wait to be messages. */
export class Inbox {
  /** Bytes that wait. */
  length = 0
  readonly #limits: Limits
  readonly #encoding: string
  readonly #room: Room | undefined
  #chunks: Buffer[] = []
  /** Where the first message begins in the first chunk. */
  #start = 0
  /** What the last chunk is the beginning of, when it has been joined. */
  #slab: Buffer | undefined

  /** `encoding` is how compressed messages are compressed, `''` when there must not be any. */
  constructor(limits: Limits, encoding: string, room?: Room) {
    this.#room = room
    this.#limits = limits
    this.#encoding = encoding
  }

  /** Adds a copy of the bytes at `start` … `end`. Throws `resource_exhausted` when there is no room for them. */
  push(from: Buffer, start: number, end: number): void {
    if (start === end) return
    this.#room?.take(end - start)
    this.length += end - start
    const last = this.#chunks.at(-1)
    if (last !== undefined && last.length + end - start <= joined) this.#extend(last, from, start, end)
    else {
      this.#chunks.push(Buffer.from(from.subarray(start, end)))
      this.#slab = undefined
    }
  }

  #extend(last: Buffer, from: Buffer, start: number, end: number): void {
    const length = last.length + end - start
    if (this.#slab === undefined || this.#slab.length < length) {
      // Messages that were taken keep the memory they lie in.
      this.#slab = Buffer.allocUnsafeSlow(Math.min(2 * length, joined))
      last.copy(this.#slab)
    }
    from.copy(this.#slab, last.length, start, end)
    this.#chunks[this.#chunks.length - 1] = this.#slab.subarray(0, length)
  }

  /** The next message, if all of it is there. Throws `resource_exhausted` for one over the limit, `internal` for one that is compressed in a way not agreed on. */
  take(): Uint8Array | undefined {
    if (this.length < prefixLength) return undefined
    const head = this.#first(prefixLength)
    const flag = head[this.#start] as number
    const length = head.readUInt32BE(this.#start + 1)
    if (flag > 1) throw wrong(`message begins with ${flag} instead of 0 or 1`)
    const { maxReceiveBytes } = this.#limits
    if (length > maxReceiveBytes) {
      throw new RpcError('resource_exhausted', `message of ${length} bytes is over the limit of ${maxReceiveBytes} (maxReceiveBytes)`, {
        outbound: true,
      })
    }
    if (flag === 1 && this.#encoding === '') throw wrong('message is compressed, but grpc-encoding does not say how')
    if (this.length < prefixLength + length) return undefined
    const first = this.#first(prefixLength + length)
    const start = this.#start + prefixLength
    this.#start = start + length
    this.length -= prefixLength + length
    this.#room?.give(prefixLength + length)
    const message = view(first, start, this.#start)
    if (this.#start === first.length) {
      this.#chunks.shift()
      this.#start = 0
      if (this.#chunks.length === 0) this.#slab = undefined
    }
    return flag === 0 ? message : decompress(message, this.#encoding, maxReceiveBytes)
  }

  clear(): void {
    this.#room?.give(this.length)
    this.#chunks = []
    this.#slab = undefined
    this.#start = this.length = 0
  }

  /** The first chunk, joined with as many others as `bytes` of the next message need. */
  #first(bytes: number): Buffer {
    const first = this.#chunks[0] as Buffer
    let length = first.length - this.#start
    if (length >= bytes) return first
    let count = 1
    while (length < bytes) length += (this.#chunks[count++] as Buffer).length
    const whole = Buffer.concat(this.#chunks.slice(0, count)).subarray(this.#start)
    this.#chunks.splice(0, count, whole)
    if (this.#chunks.length === 1) this.#slab = undefined
    this.#start = 0
    return whole
  }
}
