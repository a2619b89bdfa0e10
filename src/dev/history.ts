import type { KeyValue } from '../gen/etcd/kv_pb.ts'

/** What happened to one key at one revision. A deletion's `kv` is a tombstone: key and revision, version 0. */
export interface Change {
  readonly key: string
  readonly kv: KeyValue
  /** What the key held at the revision before, if it was there. */
  readonly previous: KeyValue | undefined
}

/** Whether a version of a key says that the key is gone. */
export function isTombstone(kv: KeyValue): boolean {
  return kv.version === 0n
}

/** All changes since the last compaction, by revision. */
export interface History {
  /** How many changes are kept. */
  readonly size: number
  /** Adds the changes of the revision after the last one added. */
  append(changes: readonly Change[]): void
  /** The changes of up to `limit` revisions, from `revision` on or from the oldest that is kept. */
  since(revision: bigint, limit: number): readonly (readonly Change[])[]
  /**
   * Forgets what came before a revision, and the deletions in it: etcd keeps of a compacted revision what is needed to
   * read at it. Returns the keys concerned.
   */
  drop(revision: bigint): ReadonlySet<string>
  /** The oldest revision to keep so that at least the last `count` changes are. */
  keeping(count: number): bigint
}

/** An empty history; revision 1 is the empty store, so the first change is revision 2. */
export function history(): History {
  let first = 2n
  let log: (readonly Change[])[] = []
  let size = 0
  return {
    get size() {
      return size
    },
    append(changes) {
      log.push(changes)
      size += changes.length
    },
    since(revision, limit) {
      const from = revision > first ? Number(revision - first) : 0
      return log.slice(from, from + limit)
    },
    drop(revision) {
      const keys = new Set<string>()
      if (revision < first) return keys
      const count = Number(revision - first)
      for (const change of log.slice(0, count + 1).flat()) keys.add(change.key)
      log = log.slice(count)
      log[0] = (log[0] ?? []).filter((change) => !isTombstone(change.kv))
      first = revision
      size = log.reduce((sum, changes) => sum + changes.length, 0)
      return keys
    },
    keeping(count) {
      let kept = 0
      let i = log.length
      while (i > 0 && kept < count) kept += log[--i]?.length ?? 0
      return first + BigInt(i)
    },
  }
}
