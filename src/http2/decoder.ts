import { ErrorCode, fault } from './fault.ts'
import { malformed } from './fields.ts'
import { huffmanDecode } from './huffman.ts'
import { DynamicTable, entryOverhead, initialTableSize } from './table.ts'

/** Makes of a header list what the engine's user needs. Called once for a block that comes again and again, so it must be pure. */
export type Parse<H> = (names: readonly string[], values: readonly string[]) => H

/** A decoded header block. The same object is given again for the same bytes. */
export class Block<H> {
  readonly head: H
  /** Why it is malformed, or `''`. */
  readonly fault: string
  /** It has pseudo-headers: it opens a request or a response, and is no trailers. */
  readonly opens: boolean
  /** Size of the whole list as SETTINGS_MAX_HEADER_LIST_SIZE counts; beyond the limit, `head` lacks the fields that came after. */
  readonly size: number
  readonly bytes: Uint8Array

  constructor(head: H, fault: string, opens: boolean, size: number, bytes: Uint8Array) {
    this.head = head
    this.fault = fault
    this.opens = opens
    this.size = size
    this.bytes = bytes
  }
}

/** Blocks longer than this are not kept. */
const longest = 192
const most = 64
const none = new Uint8Array(0)

/** HPACK's decoder, which keeps whole blocks: in gRPC nearly all blocks of a connection are ones that came before. */
export class Decoder<H> {
  readonly #parse: Parse<H>
  readonly #server: boolean
  readonly #maxSize: number
  readonly #table = new DynamicTable()
  readonly #kept = new Map<number, Block<H>>()
  #last: Block<H> | undefined
  /** The table changed in this block, so that the same bytes may mean something else from now on. */
  #changed = false
  #at = 0

  /** `server` decodes requests, not responses. `maxSize` bounds header lists, in octets as RFC 7541 section 4.1 counts. */
  constructor(parse: Parse<H>, server: boolean, maxSize: number) {
    this.#parse = parse
    this.#server = server
    this.#maxSize = maxSize
  }

  /** Decodes a block. Throws a compression fault, after which the connection cannot go on. */
  block(from: Buffer, start: number, end: number): Block<H> {
    const last = this.#last
    if (last !== undefined && same(last.bytes, from, start, end)) return last
    let hash = 0
    const short = end - start <= longest
    if (short) {
      for (let i = start; i < end; i++) hash = (Math.imul(hash, 31) + (from[i] as number)) | 0
      const kept = this.#kept.get(hash)
      if (kept !== undefined && same(kept.bytes, from, start, end)) {
        this.#last = kept
        return kept
      }
    }
    this.#changed = false
    const block = this.#decode(from, start, end)
    if (this.#changed) {
      this.#last = undefined
      this.#kept.clear()
    } else if (short) {
      if (this.#kept.size >= most) this.#kept.clear()
      this.#kept.set(hash, block)
      this.#last = block
    }
    return block
  }

  #decode(from: Buffer, start: number, end: number): Block<H> {
    const names: string[] = []
    const values: string[] = []
    let size = 0
    this.#at = start
    while (this.#at < end) {
      const first = from[this.#at] as number
      let name: string
      let value: string
      if (first >= 0x80) {
        const index = this.#integer(from, end, 7)
        name = this.#table.name(index)
        value = this.#table.value(index)
      } else if (first >= 0x40) {
        name = this.#name(from, end, 6)
        value = this.#string(from, end)
        this.#table.insert(name, value)
        this.#changed = true
      } else if (first >= 0x20) {
        this.#resize(from, end, names.length)
        continue
      } else {
        name = this.#name(from, end, 4)
        value = this.#string(from, end)
      }
      size += name.length + value.length + entryOverhead
      // Beyond the limit it goes on for the table's sake only.
      if (size > this.#maxSize) continue
      names.push(name)
      values.push(value)
    }
    const opens = names[0]?.charCodeAt(0) === 58
    const bytes = this.#changed || end - start > longest ? none : Uint8Array.prototype.slice.call(from, start, end)
    return new Block(this.#parse(names, values), malformed(names, values, this.#server), opens, size, bytes)
  }

  #resize(from: Buffer, end: number, before: number): void {
    const size = this.#integer(from, end, 5)
    if (before > 0 || size > initialTableSize) throw fault(ErrorCode.compressionError, `header table cannot be made ${size} octets now`)
    this.#table.resize(size)
    this.#changed = true
  }

  #name(from: Buffer, end: number, bits: number): string {
    const index = this.#integer(from, end, bits)
    return index === 0 ? this.#string(from, end) : this.#table.name(index)
  }

  #string(from: Buffer, end: number): string {
    if (this.#at >= end) throw truncated()
    const huffman = (from[this.#at] as number) >= 0x80
    const length = this.#integer(from, end, 7)
    const start = this.#at
    this.#at = start + length
    if (this.#at > end) throw truncated()
    return huffman ? huffmanDecode(from, start, this.#at) : from.toString('latin1', start, this.#at)
  }

  /** https://www.rfc-editor.org/rfc/rfc7541#section-5.1; at most 28 bits more than the prefix. */
  #integer(from: Buffer, end: number, bits: number): number {
    const mask = (1 << bits) - 1
    let value = (from[this.#at++] as number) & mask
    if (value < mask) return value
    for (let shift = 0; ; shift += 7) {
      if (this.#at >= end) throw truncated()
      if (shift > 21) throw fault(ErrorCode.compressionError, 'number in a header block is too large')
      const byte = from[this.#at++] as number
      value += (byte & 127) << shift
      if (byte < 128) return value
    }
  }
}

function truncated(): Error {
  return fault(ErrorCode.compressionError, 'header block ends too early')
}

function same(bytes: Uint8Array, from: Buffer, start: number, end: number): boolean {
  const { length } = bytes
  if (length !== end - start) return false
  for (let i = 0; i < length; i++) if (bytes[i] !== from[start + i]) return false
  return true
}
