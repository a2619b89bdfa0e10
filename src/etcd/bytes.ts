import { RpcError } from '../error.ts'

/** A key or a value: text is UTF-8. */
export type Bytes = string | Uint8Array

/** One key, every key under a prefix, or the keys from one (inclusive) to another (exclusive; to the end without it). */
export type Keys = { readonly key: Bytes } | { readonly prefix: Bytes } | { readonly from: Bytes; readonly to?: Bytes | undefined }

/** Keys as etcd's requests name them (https://etcd.io/docs/v3.4/learning/api/, "Range"). */
export interface KeyRange {
  readonly key: Uint8Array
  /** Exclusive; empty for a single key, one zero byte for "to the end". */
  readonly rangeEnd: Uint8Array
}

const encoder = new TextEncoder()
const zero = Uint8Array.of(0)
const none = new Uint8Array(0)

/** Bytes as they travel. Throws `invalid_argument` for what is neither text nor bytes. */
export function toBytes(bytes: Bytes): Uint8Array {
  if (typeof bytes === 'string') return encoder.encode(bytes)
  if (ArrayBuffer.isView(bytes)) return bytes
  throw new RpcError('invalid_argument', `keys and values must be strings or Uint8Arrays, got ${typeof bytes}`)
}

/** UTF-8 text; what is not UTF-8 becomes U+FFFD. */
export function toText(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString()
}

/** The first key behind every key that begins with `prefix`. One zero byte (the end of all keys) where there is none. */
export function prefixEnd(prefix: Uint8Array): Uint8Array {
  const last = prefix.findLastIndex((byte) => byte < 0xff)
  if (last < 0) return zero
  const end = prefix.slice(0, last + 1)
  end[last] = (end[last] ?? 0) + 1
  return end
}

/** Throws `invalid_argument` for an empty key, which etcd does not have. */
export function rangeOf(keys: Keys): KeyRange {
  if ('key' in keys) {
    const key = toBytes(keys.key)
    if (key.length === 0) throw new RpcError('invalid_argument', 'key: must not be empty; every key there is is { prefix: "" }')
    return { key, rangeEnd: none }
  }
  if ('prefix' in keys) {
    const key = toBytes(keys.prefix)
    return key.length === 0 ? { key: zero, rangeEnd: zero } : { key, rangeEnd: prefixEnd(key) }
  }
  const key = toBytes(keys.from)
  return { key: key.length === 0 ? zero : key, rangeEnd: keys.to === undefined ? zero : toBytes(keys.to) }
}
