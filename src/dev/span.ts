/**
 * A byte string as text, one character per byte: `<` on two of them is the order of their bytes, and they serve as keys of a Map.
 */
export function keyText(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1')
}

/** The bytes that {@link keyText} made text of. */
export function keyBytes(key: string): Uint8Array {
  return Buffer.from(key, 'latin1')
}

/** The keys from `start` up to but without `end`; without `end`, all from `start` on. Empty when `end` is not after `start`. */
export interface Span {
  readonly start: string
  readonly end: string | undefined
}

/** The span of one key: nothing lies between a key and the key with a zero byte after it. */
export function point(key: string): Span {
  return { start: key, end: `${key}\0` }
}

/** What `key` and `range_end` of a request stand for: no end is the one key, an end of one zero byte is everything from the key on. */
export function spanOf(request: { readonly key: Uint8Array; readonly rangeEnd: Uint8Array }): Span {
  const start = keyText(request.key)
  if (request.rangeEnd.length === 0) return point(start)
  const end = keyText(request.rangeEnd)
  return { start, end: end === '\0' ? undefined : end }
}

/** Whether a span is one key. */
export function isPoint(span: Span): boolean {
  return span.end?.length === span.start.length + 1 && span.end === `${span.start}\0`
}

/** Whether a key lies in a span. */
export function contains(span: Span, key: string): boolean {
  return key >= span.start && (span.end === undefined || key < span.end)
}

/** The prefix whose keys a span is, if it is one; '' for the span of all keys. */
export function prefixOf(span: Span): string | undefined {
  if (span.end === undefined) return span.start === '\0' ? '' : prefixEnd(span.start) === undefined ? span.start : undefined
  return prefixEnd(span.start) === span.end ? span.start : undefined
}

/** The least key after all that begin with `prefix`; none for a prefix of 0xff bytes only. */
function prefixEnd(prefix: string): string | undefined {
  for (let i = prefix.length - 1; i >= 0; i--) {
    const code = prefix.charCodeAt(i)
    if (code < 0xff) return prefix.slice(0, i) + String.fromCharCode(code + 1)
  }
  return undefined
}
