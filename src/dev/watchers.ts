import type { Change } from './history.ts'
import { contains, isPoint, prefixOf, type Span } from './span.ts'
import type { Store } from './store.ts'

/** Someone who wants to hear of the changes in a span. */
export interface Watcher {
  readonly span: Span
  /** Called with the changes of one revision that lie in the span. */
  notify(revision: bigint, changes: readonly Change[]): void
}

/** Who is to hear of a change. */
export interface Watchers {
  add(watcher: Watcher): void
  delete(watcher: Watcher): void
}

/**
 * The watchers of a store. Those of one key or of a prefix are found by the key, so a change costs the watchers it
 * concerns and a look-up per distinct length of prefix; only other spans are gone through one by one.
 */
export function watchersOf(store: Store): Watchers {
  const points = new Map<string, Set<Watcher>>()
  const prefixes = new Map<string, Set<Watcher>>()
  const lengths = new Map<number, number>()
  const others = new Set<Watcher>()

  function* concerned({ key }: Change): Generator<Watcher> {
    yield* points.get(key) ?? []
    for (const length of lengths.keys()) if (length <= key.length) yield* prefixes.get(key.slice(0, length)) ?? []
    for (const watcher of others) if (contains(watcher.span, key)) yield watcher
  }

  store.onCommit((revision, changes) => {
    const batches = new Map<Watcher, Change[]>()
    for (const change of changes) {
      for (const watcher of concerned(change)) {
        const batch = batches.get(watcher)
        if (batch === undefined) batches.set(watcher, [change])
        else batch.push(change)
      }
    }
    for (const [watcher, batch] of batches) watcher.notify(revision, batch)
  })

  return {
    add(watcher) {
      const prefix = prefixOf(watcher.span)
      if (isPoint(watcher.span)) insert(points, watcher.span.start, watcher)
      else if (prefix === undefined) others.add(watcher)
      else if (insert(prefixes, prefix, watcher)) lengths.set(prefix.length, (lengths.get(prefix.length) ?? 0) + 1)
    },
    delete(watcher) {
      const prefix = prefixOf(watcher.span)
      if (isPoint(watcher.span)) remove(points, watcher.span.start, watcher)
      else if (prefix === undefined) others.delete(watcher)
      else if (remove(prefixes, prefix, watcher)) {
        const left = (lengths.get(prefix.length) ?? 0) - 1
        if (left > 0) lengths.set(prefix.length, left)
        else lengths.delete(prefix.length)
      }
    },
  }
}

/** Adds to the set under a key; returns whether it is a new set. */
function insert(map: Map<string, Set<Watcher>>, key: string, watcher: Watcher): boolean {
  const set = map.get(key)
  set?.add(watcher)
  if (set === undefined) map.set(key, new Set([watcher]))
  return set === undefined
}

/** Removes from the set under a key; returns whether the set is gone with it. */
function remove(map: Map<string, Set<Watcher>>, key: string, watcher: Watcher): boolean {
  const set = map.get(key)
  return set?.delete(watcher) === true && set.size === 0 && map.delete(key)
}
