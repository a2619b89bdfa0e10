/** What compiled writers call. Each writes from `at` on and returns where it ends; -1 when it gives up. */

const scratch = new DataView(new ArrayBuffer(8))

/** Strings up to here are written by hand: to cross into C++ costs more. One byte must hold the length. */
const shortText = 48

/** A length and UTF-8. */
export function string(text: string, to: Buffer, at: number, end: number): number {
  const { length } = text
  if (length <= shortText) {
    const first = at + 1
    if (first + length > end) return -1
    let i = 0
    for (; i < length; i++) {
      const code = text.charCodeAt(i)
      if (code > 127) break
      to[first + i] = code
    }
    if (i === length) {
      to[at] = length
      return first + length
    }
  }
  const bytes = Buffer.byteLength(text)
  if (at + 5 + bytes > end) return -1
  const start = varint(bytes, to, at)
  return start + to.write(text, start, bytes, 'utf8')
}

/** A length and bytes. */
export function bytes(value: Uint8Array, to: Buffer, at: number, end: number): number {
  const { length } = value
  if (at + 5 + length > end) return -1
  const start = varint(length, to, at)
  if (length > 32) to.set(value, start)
  else for (let i = 0; i < length; i++) to[start + i] = value[i] as number
  return start + length
}

/** 32 bits, negative numbers in ten bytes. There must be room. */
export function varint(value: number, to: Buffer, at: number): number {
  let rest = value
  let i = at
  if (value < 0) {
    for (let n = 0; n < 9; n++) {
      to[i++] = (rest & 127) | 128
      rest >>= 7
    }
    to[i++] = 1
    return i
  }
  while (rest > 127) {
    to[i++] = (rest & 127) | 128
    rest >>>= 7
  }
  to[i++] = rest
  return i
}

/** 64 bits. There must be room. */
export function varint64(value: bigint, to: Buffer, at: number): number {
  scratch.setBigInt64(0, value, true)
  return split(scratch.getInt32(0, true), scratch.getInt32(4, true), to, at)
}

/** 64 bits, zigzag. There must be room. */
export function zigzag64(value: bigint, to: Buffer, at: number): number {
  scratch.setBigInt64(0, value, true)
  const low = scratch.getInt32(0, true)
  const high = scratch.getInt32(4, true)
  const sign = high >> 31
  return split((low << 1) ^ sign, ((high << 1) | (low >>> 31)) ^ sign, to, at)
}

function split(low: number, high: number, to: Buffer, at: number): number {
  let lo = low >>> 0
  let hi = high >>> 0
  let i = at
  while (hi !== 0 || lo > 127) {
    to[i++] = (lo & 127) | 128
    lo = ((lo >>> 7) | (hi << 25)) >>> 0
    hi >>>= 7
  }
  to[i++] = lo
  return i
}

/** Four bytes. There must be room. */
export function fixed32(value: number, to: Buffer, at: number): number {
  to[at] = value
  to[at + 1] = value >>> 8
  to[at + 2] = value >>> 16
  to[at + 3] = value >>> 24
  return at + 4
}

/** Eight bytes. There must be room. */
export function fixed64(value: bigint, to: Buffer, at: number): number {
  scratch.setBigInt64(0, value, true)
  return fixed32(scratch.getInt32(4, true), to, fixed32(scratch.getInt32(0, true), to, at))
}

/** Four bytes. There must be room. */
export function float(value: number, to: Buffer, at: number): number {
  scratch.setFloat32(0, value, true)
  return fixed32(scratch.getInt32(0, true), to, at)
}

/** Eight bytes. There must be room. */
export function double(value: number, to: Buffer, at: number): number {
  scratch.setFloat64(0, value, true)
  return fixed32(scratch.getInt32(4, true), to, fixed32(scratch.getInt32(0, true), to, at))
}

/** Whether it can be a float: what is finite must not become infinite. */
export function isFloat(value: unknown): value is number {
  return typeof value === 'number' && (Number.isFinite(Math.fround(value)) || !Number.isFinite(value))
}

/** A signed 64-bit value in any of its representations; undefined for what is none. */
export function signed(value: unknown): bigint | undefined {
  const long = bigintOf(value)
  return long !== undefined && BigInt.asIntN(64, long) === long ? long : undefined
}

/** An unsigned 64-bit value in any of its representations; undefined for what is none. */
export function unsigned(value: unknown): bigint | undefined {
  const long = bigintOf(value)
  return long !== undefined && BigInt.asUintN(64, long) === long ? long : undefined
}

function bigintOf(value: unknown): bigint | undefined {
  if (typeof value === 'bigint') return value
  if (typeof value !== 'string' && typeof value !== 'number') return undefined
  try {
    return BigInt(value)
  } catch {
    return undefined
  }
}

/** Whether it can be a message, or an init object for one. */
export function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Whether an object has a property of its own. */
export const hasOwn: (key: string) => boolean = Object.prototype.hasOwnProperty

/** Puts the length of what was written from `start` to `at` before it, where one byte was left for it. */
export function prefix(to: Buffer, start: number, at: number, end: number): number {
  const length = at - start
  if (length < 128) {
    to[start - 1] = length
    return at
  }
  const more = length < 16_384 ? 1 : length < 2_097_152 ? 2 : length < 268_435_456 ? 3 : 4
  if (at + more > end) return -1
  to.copyWithin(start + more, start, at)
  varint(length, to, start - 1)
  return at + more
}

/** A field as it came that the type does not know. */
interface UnknownField {
  readonly no: number
  readonly wireType: number
  readonly data: Uint8Array
}

/** Fields that the type does not know, as they came. */
export function unknown(fields: readonly UnknownField[], to: Buffer, start: number, end: number): number {
  let at = start
  for (const { no, wireType, data } of fields) {
    if (!(data instanceof Uint8Array) || at + 5 + data.length > end) return -1
    at = varint(((no << 3) | wireType) >>> 0, to, at)
    to.set(data, at)
    at += data.length
  }
  return at
}
