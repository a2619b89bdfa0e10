import { isPoint, type Span } from './span.ts'

/** Values by key, iterated in the order of their keys. */
export interface SortedMap<V> {
  readonly size: number
  get(key: string): V | undefined
  /** Adds a value under a key that is not there yet. */
  add(value: V): void
  delete(key: string): void
  /** The values of a span in key order. The map must not change until the iteration ends. */
  range(span: Span): Iterable<V>
}

/** A full chunk is split in two; insertion moves at most this many references. */
const chunkSize = 512

/**
 * A map in key order, as a list of short sorted lists: a lookup is two binary searches, an insertion moves part of one
 * short list. At the sizes of a registry that is faster than a balanced tree, and far less code.
 */
export function sortedMap<V extends { readonly key: string }>(): SortedMap<V> {
  const byKey = new Map<string, V>()
  const chunks: V[][] = []

  /** The chunk a key belongs to: the last one that begins at or before it. */
  const chunkOf = (key: string): number => Math.max(0, firstWhere(chunks.length, (i) => head(chunks[i]) > key) - 1)

  function* range(span: Span): Generator<V> {
    for (let c = chunkOf(span.start); c < chunks.length; c++) {
      const chunk = chunks[c] ?? []
      const from = head(chunk) >= span.start ? 0 : indexIn(chunk, span.start)
      for (let i = from; i < chunk.length; i++) {
        const value = chunk[i] as V
        if (span.end !== undefined && value.key >= span.end) return
        yield value
      }
    }
  }

  return {
    get size() {
      return byKey.size
    },
    get: (key) => byKey.get(key),
    add(value) {
      byKey.set(value.key, value)
      const c = chunkOf(value.key)
      const chunk = chunks[c]
      if (chunk === undefined) {
        chunks.push([value])
        return
      }
      chunk.splice(indexIn(chunk, value.key), 0, value)
      if (chunk.length > chunkSize) chunks.splice(c + 1, 0, chunk.splice(chunkSize / 2))
    },
    delete(key) {
      if (!byKey.delete(key)) return
      const c = chunkOf(key)
      const chunk = chunks[c] ?? []
      chunk.splice(indexIn(chunk, key), 1)
      if (chunk.length === 0) chunks.splice(c, 1)
    },
    range(span) {
      if (!isPoint(span)) return range(span)
      const value = byKey.get(span.start)
      return value === undefined ? [] : [value]
    },
  }
}

const head = (chunk: readonly { readonly key: string }[] | undefined): string => chunk?.[0]?.key ?? ''

/** Where a key is in a sorted list, or belongs. */
function indexIn(list: readonly { readonly key: string }[], key: string): number {
  return firstWhere(list.length, (i) => (list[i]?.key ?? '') >= key)
}

/** The first of `length` indices for which `test` holds, when it holds for all after that one too; `length` when for none. */
export function firstWhere(length: number, test: (index: number) => boolean): number {
  let low = 0
  let high = length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (test(middle)) high = middle
    else low = middle + 1
  }
  return low
}
