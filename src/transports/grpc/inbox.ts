import type { Codec } from '../../codec.ts'
import { RpcError } from '../../error.ts'
import { borrow, giveBack } from '../../http2/lending.ts'
import { capacity, giveBuffer, takeBuffer } from '../../http2/output.ts'
import { decompress, wrong } from './compression.ts'
import { type Room, Share } from './room.ts'

/** Bytes before every message: a flag and the length. https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md */
export const prefixLength = 5

/** What a side takes. */
export interface Limits {
  /** Bytes of the largest message. */
  readonly maxReceiveBytes: number
  /** Bytes of it that may come before anybody asks for more. */
  readonly streamWindow: number
}

/** Where the message that begins at `start` ends, if it is uncompressed and all of it is there: the usual case, which needs no {@link Inbox}. Else -1. */
export function messageEnd(from: Buffer, start: number, end: number, { maxReceiveBytes }: Pick<Limits, 'maxReceiveBytes'>): number {
  if (end - start < prefixLength || from[start] !== 0) return -1
  const length = from.readUInt32BE(start + 1)
  const stop = start + prefixLength + length
  return length <= maxReceiveBytes && stop <= end ? stop : -1
}

/** Decodes the message at `start` … `end`, whose bytes are only valid during the call unless they are its `own`. */
export function readMessage(codec: Codec, from: Buffer, start: number, end: number, own = false): unknown {
  if (codec.read !== undefined) return codec.read(from, start, end, own)
  return codec.decode(new Uint8Array(from.buffer, from.byteOffset + start, end - start))
}

const none = Buffer.alloc(0)

/** Up to this, memory is shared with others; a buffer of the pool is taken for what fills half of it. */
const small = 8192

/** Bytes of a stream that wait to be messages: one piece of memory, which is made larger as they come and never much larger than they are. */
export class Inbox {
  /** Bytes that wait. */
  length = 0
  /** Where the message lies that {@link Inbox.next} has found: valid until more is pushed. */
  from: Buffer = none
  start = 0
  end = 0
  /** That memory is the message's own. */
  own = false
  readonly #limits: Limits
  readonly #encoding: string
  readonly #share: Share | undefined
  /** Bytes of the message that was found, until {@link Inbox.rest}. */
  #found = 0
  #memory: Buffer = none
  /** It is as long as one message, which may keep it; else it is used again. */
  #ofOne = false
  /** Where in it the bytes begin. */
  #at = 0

  /** `encoding` is how compressed messages are compressed, `''` when there must not be any. */
  constructor(limits: Limits, encoding: string, room?: Room) {
    this.#share = room && new Share(room)
    this.#limits = limits
    this.#encoding = encoding
  }

  /** How many bytes the first message lacks, if its length has come; else 0. */
  get missing(): number {
    return this.length < prefixLength ? 0 : Math.max(0, this.#first - this.length)
  }

  /** Asks for room for the rest of the first message, if that is longer than may come unasked; calls `then` when there is. Throws like {@link Share.claim}. */
  claim(then: () => void): void {
    if (this.#share === undefined || this.length < prefixLength || this.#first <= this.#limits.streamWindow) then()
    else this.#share.claim(this.#first, then)
  }

  /** Adds a copy of the bytes at `start` … `end`. Throws `resource_exhausted` when there is no room for them. */
  push(from: Buffer, start: number, end: number): void {
    const bytes = end - start
    if (bytes === 0) return
    this.#share?.hold(this.#found + this.length + bytes)
    if (this.length === 0) this.#at = 0
    if (this.#at + this.length + bytes > this.#memory.length) this.#grow(this.length + bytes)
    from.copy(this.#memory, this.#at + this.length, start, end)
    this.length += bytes
  }

  /** Makes room for so many bytes in all. Every byte is moved a few times at most, because at least half of the memory is free afterwards. */
  #grow(bytes: number): void {
    const before = this.#memory
    if (bytes * 2 > before.length) {
      const first = this.length < prefixLength ? 0 : Math.min(this.#first, this.#limits.maxReceiveBytes + prefixLength)
      // A peer that announces much and sends little does not get much, unless there is room for all of it.
      const most = this.#share === undefined ? bytes * 4 : this.#share.claimed > 0 ? this.#share.claimed : bytes * 2
      const announced = Math.min(first, most)
      this.#ofOne = announced >= bytes && announced === first && announced > capacity
      this.#memory = this.#ofOne ? Buffer.allocUnsafeSlow(announced) : memoryOf(announced >= bytes ? announced : bytes * 2)
    }
    before.copy(this.#memory, 0, this.#at, this.#at + this.length)
    this.#at = 0
    if (before !== this.#memory) give(before)
  }

  /** Bytes of the first message, whose prefix must be there. */
  get #first(): number {
    return prefixLength + this.#memory.readUInt32BE(this.#at + 1)
  }

  /**
   * Takes the next message, if all of it is there; see `from`. Throws `resource_exhausted` for one over the limit, `internal` for one that is
   * compressed in a way not agreed on.
   */
  next(): boolean {
    if (this.length < prefixLength) return false
    const flag = this.#memory[this.#at] as number
    if (flag > 1) throw wrong(`message begins with ${flag} instead of 0 or 1`)
    const total = this.#first
    const { maxReceiveBytes } = this.#limits
    if (total - prefixLength > maxReceiveBytes) {
      const text = `message of ${total - prefixLength} bytes is over the limit of ${maxReceiveBytes} (maxReceiveBytes)`
      throw new RpcError('resource_exhausted', text, { outbound: true })
    }
    if (flag === 1 && this.#encoding === '') throw wrong('message is compressed, but grpc-encoding does not say how')
    if (this.length < total) return false
    this.from = this.#memory
    this.start = this.#at + prefixLength
    this.end = this.#at + total
    this.own = this.#ofOne && total === this.length
    this.#at += total
    this.length -= total
    this.#found = total
    if (this.own) this.#memory = none
    if (flag === 1) this.#inflate(maxReceiveBytes)
    return true
  }

  #inflate(maxReceiveBytes: number): void {
    const bytes = decompress(this.from.subarray(this.start, this.end), this.#encoding, maxReceiveBytes)
    this.from = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
    this.start = 0
    this.end = bytes.length
    this.own = true
    this.#found = bytes.length
    this.#share?.hold(this.#found + this.length)
  }

  /** Lets go of memory that is not needed now: the last message has been read. */
  rest(): void {
    this.from = none
    this.#found = 0
    this.#share?.end(this.length)
    if (this.length > 0) return
    give(this.#memory)
    this.#memory = none
  }

  clear(): void {
    this.length = 0
    this.rest()
  }
}

function memoryOf(bytes: number): Buffer {
  if (bytes <= small) return Buffer.allocUnsafe(bytes)
  if (bytes > capacity) return borrow(bytes)
  return bytes * 2 > capacity ? takeBuffer() : Buffer.allocUnsafeSlow(bytes)
}

function give(memory: Buffer): void {
  if (memory.length === capacity) giveBuffer(memory)
  else giveBack(memory)
}
