/** What compiled readers call. Where reading ended is left in `cursor`: not a number when it gives up. */

/** Where the last value ended. */
export const cursor: { at: number } = { at: 0 }

const scratch = new DataView(new ArrayBuffer(8))
const { fromCharCode } = String

/** Strings up to here are made by hand: to cross into C++ costs more. */
const shortText = 12

/** UTF-8 at `at` … `stop`. Undefined when there may be something wrong with it. */
export function text(from: Buffer, at: number, stop: number): string | undefined {
  if (stop - at > shortText) return long(from, at, stop)
  let result = ''
  let i = at
  for (; stop - i > 3; i += 4) {
    const a = from[i] as number
    const b = from[i + 1] as number
    const c = from[i + 2] as number
    const d = from[i + 3] as number
    if ((a | b | c | d) > 127) return long(from, at, stop)
    result += fromCharCode(a, b, c, d)
  }
  for (; i < stop; i++) {
    const a = from[i] as number
    if (a > 127) return long(from, at, stop)
    result += fromCharCode(a)
  }
  return result
}

function long(from: Buffer, at: number, stop: number): string | undefined {
  const result = from.toString('utf8', at, stop)
  // It stands for what is no UTF-8; whether it may, protobuf-es knows.
  return result.includes('\ufffd') ? undefined : result
}

let own = false

/** Whether the memory that is read from now on is the message's own. */
export function keep(whether: boolean): void {
  own = whether
}

/** The bytes at `at` … `stop`: where they lie if they take most of memory that is the message's own, else a copy. */
export function taken(from: Buffer, at: number, stop: number): Uint8Array {
  if (own && (stop - at) * 2 > from.buffer.byteLength) return new Uint8Array(from.buffer, from.byteOffset + at, stop - at)
  return copied(from, at, stop)
}

/** A copy of the bytes at `at` … `stop`. */
export function copied(from: Buffer, at: number, stop: number): Uint8Array {
  const bytes = new Uint8Array(stop - at)
  if (bytes.length > 32) bytes.set(from.subarray(at, stop))
  else for (let i = 0; i < bytes.length; i++) bytes[i] = from[at + i] as number
  return bytes
}

/** Unsigned 32 bits; of a longer number the lower ones. */
export function varint(from: Buffer, start: number): number {
  let at = start
  let value = 0
  for (let shift = 0; shift < 70; shift += 7) {
    const byte = from[at++] as number
    if (shift < 32) value |= (byte & 127) << shift
    if (byte < 128) {
      cursor.at = at
      return value >>> 0
    }
  }
  cursor.at = Number.NaN
  return 0
}

/** A field's tag, which has 32 bits and no more. */
export function longTag(from: Buffer, start: number): number {
  const tag = varint(from, start)
  const { at } = cursor
  if (at - start > 5 || (at - start === 5 && (from[at - 1] as number) > 15)) cursor.at = Number.NaN
  return tag
}

let low = 0
let high = 0

function varint64(from: Buffer, start: number): void {
  let at = start
  low = high = 0
  for (let shift = 0; shift < 70; shift += 7) {
    const byte = from[at++] as number
    const bits = byte & 127
    if (shift < 28) low |= bits << shift
    else if (shift === 28) {
      low |= bits << 28
      high = bits >> 4
    } else high |= bits << (shift - 32)
    if (byte < 128) {
      cursor.at = at
      return
    }
  }
  cursor.at = Number.NaN
}

/** Signed 64 bits. */
export function int64(from: Buffer, start: number): bigint {
  varint64(from, start)
  return signed()
}

/** Unsigned 64 bits. */
export function uint64(from: Buffer, start: number): bigint {
  varint64(from, start)
  return unsigned()
}

/** Signed 64 bits, zigzag. */
export function sint64(from: Buffer, start: number): bigint {
  varint64(from, start)
  const sign = -(low & 1)
  low = ((low >>> 1) | ((high & 1) << 31)) ^ sign
  high = (high >>> 1) ^ sign
  return signed()
}

/** Whether a number of any length is not 0. */
export function bool(from: Buffer, start: number): boolean {
  varint64(from, start)
  return low !== 0 || high !== 0
}

function signed(): bigint {
  scratch.setInt32(0, low, true)
  scratch.setInt32(4, high, true)
  return scratch.getBigInt64(0, true)
}

function unsigned(): bigint {
  scratch.setInt32(0, low, true)
  scratch.setInt32(4, high, true)
  return scratch.getBigUint64(0, true)
}

/** Signed 32 bits of four bytes. */
export function sfixed32(from: Buffer, at: number): number {
  return (from[at] as number) | ((from[at + 1] as number) << 8) | ((from[at + 2] as number) << 16) | ((from[at + 3] as number) << 24)
}

/** Signed 64 bits of eight bytes. */
export function sfixed64(from: Buffer, at: number): bigint {
  low = sfixed32(from, at)
  high = sfixed32(from, at + 4)
  return signed()
}

/** Unsigned 64 bits of eight bytes. */
export function fixed64(from: Buffer, at: number): bigint {
  low = sfixed32(from, at)
  high = sfixed32(from, at + 4)
  return unsigned()
}

/** Four bytes. */
export function float(from: Buffer, at: number): number {
  scratch.setInt32(0, sfixed32(from, at), true)
  return scratch.getFloat32(0, true)
}

/** Eight bytes. */
export function double(from: Buffer, at: number): number {
  scratch.setInt32(0, sfixed32(from, at), true)
  scratch.setInt32(4, sfixed32(from, at + 4), true)
  return scratch.getFloat64(0, true)
}

/** Skips the value of a field that the type does not know; returns where it ends, or -1 for a group and for what is no value. */
export function skip(from: Buffer, at: number, end: number, tag: number): number {
  let stop = -1
  switch (tag & 7) {
    case 0:
      varint(from, at)
      stop = cursor.at
      break
    case 1:
      stop = at + 8
      break
    case 2:
      stop = varint(from, at) + cursor.at
      break
    case 5:
      stop = at + 4
  }
  return tag > 7 && stop <= end ? stop : -1
}
