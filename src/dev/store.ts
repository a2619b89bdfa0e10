import { create } from '@bufbuild/protobuf'
import { type KeyValue, KeyValueSchema } from '../gen/etcd/kv_pb.ts'
import { fault } from './faults.ts'
import { type Change, history, isTombstone } from './history.ts'
import { firstWhere, sortedMap } from './sorted.ts'
import { keyText, type Span } from './span.ts'

/** Reads of the key space. */
export interface View {
  /** The revision of what is read. */
  readonly revision: bigint
  /** What is oldest that can be read; −1 before the first compaction. */
  readonly compacted: bigint
  get(key: string): KeyValue | undefined
  /** What is there in key order; at `revision`, which must not be compacted, if one is given. */
  range(span: Span, revision?: bigint): Iterable<KeyValue>
}

/** A transaction under way: its reads see its writes, and all its writes get one revision. */
export interface Draft extends View {
  put(key: Uint8Array, value: Uint8Array, lease: bigint): void
  /** Deletes the keys of a span and returns what they held. */
  delete(span: Span): KeyValue[]
}

/** Called with the changes of each new revision, in the order they were made. */
export type CommitListener = (revision: bigint, changes: readonly Change[]) => void

/** A key space that remembers: every write makes a revision, and reads may be at any since the last compaction. */
export interface Store extends View {
  /** Runs a transaction, which must not throw; it makes a revision if it changes anything. */
  write<T>(body: (draft: Draft) => T): T
  /** Forgets revisions before this one. Throws `out_of_range` if that was done already, or it has not come yet. */
  compact(revision: bigint): void
  /** The changes of up to `limit` revisions from `revision` on, one element per revision. */
  changes(revision: bigint, limit: number): readonly (readonly Change[])[]
  onCommit(listener: CommitListener): void
}

interface Entry {
  readonly key: string
  /** Ascending; the last one is now. */
  readonly versions: KeyValue[]
}

/** An empty store. It compacts by itself, so that at least `historyLimit` and at most a tenth more changes are remembered. */
export function memoryStore(historyLimit: number): Store {
  const entries = sortedMap<Entry>()
  const log = history()
  const listeners: CommitListener[] = []
  let revision = 1n
  let compacted = -1n
  let pending: Change[] = []

  function get(key: string): KeyValue | undefined {
    return live(entries.get(key)?.versions.at(-1))
  }

  function* range(span: Span, at?: bigint): Generator<KeyValue> {
    for (const { versions } of entries.range(span)) {
      const kv = live(at === undefined ? versions.at(-1) : versions[after(versions, at) - 1])
      if (kv !== undefined) yield kv
    }
  }

  function record(key: string, kv: KeyValue, previous: KeyValue | undefined): void {
    const entry = entries.get(key)
    if (entry === undefined) entries.add({ key, versions: [kv] })
    else entry.versions.push(kv)
    // What the same transaction wrote before was never there for anybody else.
    const earlier = previous?.modRevision === kv.modRevision ? pending.findLast((change) => change.key === key) : undefined
    pending.push({ key, kv, previous: earlier === undefined ? previous : earlier.previous })
  }

  const draft: Draft = {
    get revision() {
      return pending.length === 0 ? revision : revision + 1n
    },
    get compacted() {
      return compacted
    },
    get,
    range,
    put(bytes, value, lease) {
      const key = keyText(bytes)
      const previous = get(key)
      const modRevision = revision + 1n
      const { createRevision, version } = previous ?? { createRevision: modRevision, version: 0n }
      const kv = create(KeyValueSchema, { key: bytes, value, lease, createRevision, modRevision, version: version + 1n })
      record(key, kv, previous)
    },
    delete(span) {
      const deleted = [...range(span)]
      const modRevision = revision + 1n
      for (const previous of deleted) record(keyText(previous.key), create(KeyValueSchema, { key: previous.key, modRevision }), previous)
      return deleted
    },
  }

  function commit(): void {
    if (pending.length === 0) return
    const changes = pending
    pending = []
    revision++
    log.append(changes)
    for (const listener of listeners) listener(revision, changes)
    if (log.size > historyLimit * 1.1) forget(log.keeping(historyLimit))
  }

  function forget(before: bigint): void {
    compacted = before
    for (const key of log.drop(before)) {
      const { versions } = entries.get(key) ?? { versions: [] }
      const last = after(versions, before) - 1
      versions.splice(0, live(versions[last]) === undefined ? last + 1 : last)
      if (versions.length === 0) entries.delete(key)
    }
  }

  return {
    get revision() {
      return revision
    },
    get compacted() {
      return compacted
    },
    get,
    range,
    write(body) {
      const result = body(draft)
      commit()
      return result
    },
    compact(at) {
      if (at <= compacted) throw fault('compacted')
      if (at > revision) throw fault('futureRevision')
      forget(at)
    },
    changes: (from, limit) => log.since(from, limit),
    onCommit(listener) {
      listeners.push(listener)
    },
  }
}

/** How many versions are not after a revision. */
function after(versions: readonly KeyValue[], revision: bigint): number {
  return firstWhere(versions.length, (i) => (versions[i]?.modRevision ?? 0n) > revision)
}

function live(kv: KeyValue | undefined): KeyValue | undefined {
  return kv === undefined || isTombstone(kv) ? undefined : kv
}
