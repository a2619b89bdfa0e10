import type { KeyValue, Operation, Txn } from '../../etcd/index.ts'

/** A change of records that is done as a whole, or not at all where a condition does not hold. */
export interface Change {
  readonly conditions: readonly Condition[]
  /** Values by their keys. */
  readonly puts?: ReadonlyMap<string, string>
  /** What is put goes with it. */
  readonly lease?: bigint
  readonly deletes?: readonly string[]
}

/** What must be so of a record; one that is not there has version, revision and lease 0. */
export type Condition = { readonly key: string } & (
  | { readonly version: number }
  | { readonly modRevision: number }
  | { readonly lease: bigint }
)

/** What became of a {@link Change}. */
export interface Changed {
  readonly succeeded: boolean
  /** The store's revision afterwards. */
  readonly revision: number
  /** Where it did not succeed, those of the records in its conditions that are there. */
  readonly found: readonly KeyValue[]
}

/** What a change costs of what etcd limits, and the keys that it touches. */
export interface Extent {
  readonly keys: readonly string[]
  readonly operations: number
  /** About; rather too many. */
  readonly bytes: number
}

/** What a change costs. */
export function extentOf({ conditions, puts = new Map(), deletes = [] }: Change): Extent {
  const conditional = conditions.map(({ key }) => key)
  const written = [...puts.keys(), ...deletes]
  // The key of a condition is sent once more, to be read where it does not hold; around a key there is less than 64 bytes.
  const texts = [...conditional, ...conditional, ...written, ...puts.values()]
  return {
    keys: [...new Set([...conditional, ...written])],
    operations: Math.max(conditional.length, written.length),
    bytes: texts.reduce((sum, text) => sum + Buffer.byteLength(text) + 64, 0),
  }
}

/**
 * All changes or none, in one revision; if none, all records that are in conditions are read. No transaction per change inside of one: etcd
 * 3.4 does not ask of those whether the user may do that, nor whether there is space.
 */
export function txnOf(changes: readonly Change[]): Txn {
  const compare = changes.flatMap(({ conditions }) => conditions)
  const success = changes.flatMap(({ puts = new Map(), lease, deletes = [] }): Operation[] => [
    ...[...puts].map(([put, value]) => ({ put, value, lease })),
    ...deletes.map((key) => ({ delete: { key } })),
  ])
  return { compare, success, failure: compare.map(({ key }) => ({ get: { key } })) }
}

/** Whether it is so, as etcd's `=` has it. */
export function holds(condition: Condition, kv: KeyValue | undefined): boolean {
  if ('version' in condition) return (kv?.version ?? 0) === condition.version
  if ('modRevision' in condition) return (kv?.modRevision ?? 0) === condition.modRevision
  return (kv?.lease ?? 0n) === condition.lease
}
