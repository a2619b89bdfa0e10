import type { MessageInitShape } from '@bufbuild/protobuf'
import { checkNumber } from '../check.ts'
import type { DeleteRangeResponse, PutRequestSchema, PutResponse, RangeRequestSchema, RangeResponse } from '../gen/etcd/rpc_pb.ts'
import { type Bytes, type KeyRange, type Keys, rangeOf, toBytes } from './bytes.ts'
import { type KeyValue, toKeyValue } from './record.ts'

/** Which records to read, and how. */
export type Range = Keys & {
  /** As of this revision. Default: now. */
  readonly revision?: number | undefined
  /** At most so many records. Default: all; for pages as many as make about 2 MB. */
  readonly limit?: number | undefined
  readonly keysOnly?: boolean | undefined
  readonly countOnly?: boolean | undefined
  /** Answered by the endpoint from what it has, which may be stale: quicker, and possible without a leader. */
  readonly serializable?: boolean | undefined
  /** Default: by key, ascending. Not together with pages. */
  readonly sort?: { readonly by: keyof typeof targets; readonly order?: 'ascend' | 'descend' } | undefined
}

const targets = { key: 0, version: 1, create: 2, mod: 3, value: 4 } as const

/** What a read found. */
export interface RangeResult {
  /** The store's revision when it was read. */
  readonly revision: number
  readonly kvs: readonly KeyValue[]
  /** There are more than `limit`. */
  readonly more: boolean
  /** How many there are, whatever the limit. */
  readonly count: number
}

/** A write of one key. */
export interface Put {
  readonly put: Bytes
  readonly value: Bytes
  /** Id of the lease that it goes with. Default: none, it stays. */
  readonly lease?: bigint | undefined
  /** Answer with the record as it was. */
  readonly previous?: boolean | undefined
}

/** What a write did. */
export interface PutResult {
  /** The revision that it made. */
  readonly revision: number
  readonly previous?: KeyValue
}

/** A removal. */
export interface Delete {
  readonly delete: Keys
  /** Answer with the records as they were. */
  readonly previous?: boolean | undefined
}

/** What a removal did. */
export interface DeleteResult {
  /** The store's revision afterwards. */
  readonly revision: number
  readonly deleted: number
  /** Empty unless asked for. */
  readonly previous: readonly KeyValue[]
}

/** To the wire's form. Throws `invalid_argument` naming the option where it is no whole number from 0 on. */
export function whole(option: string, value: number): bigint {
  return BigInt(checkNumber(option, value, { min: 0, integer: true }))
}

/** To the wire's form; `part` of the range where not all of it is wanted. */
export function rangeRequest(range: Range, part: KeyRange = rangeOf(range)): MessageInitShape<typeof RangeRequestSchema> {
  const { revision = 0, limit = 0, keysOnly = false, countOnly = false, serializable = false, sort } = range
  const sorted = sort && { sortTarget: targets[sort.by], sortOrder: (sort.order === 'descend' ? 2 : 1) as 1 | 2 }
  return {
    ...part,
    revision: whole('range: revision', revision),
    limit: whole('range: limit', limit),
    keysOnly,
    countOnly,
    serializable,
    ...sorted,
  }
}

/** To the wire's form. */
export function putRequest({ put, value, lease = 0n, previous = false }: Put): MessageInitShape<typeof PutRequestSchema> {
  return { key: toBytes(put), value: toBytes(value), lease, prevKv: previous }
}

/** From the wire's form. */
export function toRangeResult({ header, kvs, more, count }: RangeResponse): RangeResult {
  return { revision: Number(header?.revision ?? 0n), kvs: kvs.map(toKeyValue), more, count: Number(count) }
}

/** From the wire's form. */
export function toPutResult({ header, prevKv }: PutResponse): PutResult {
  const revision = Number(header?.revision ?? 0n)
  return prevKv === undefined ? { revision } : { revision, previous: toKeyValue(prevKv) }
}

/** From the wire's form. */
export function toDeleteResult({ header, deleted, prevKvs }: DeleteRangeResponse): DeleteResult {
  return { revision: Number(header?.revision ?? 0n), deleted: Number(deleted), previous: prevKvs.map(toKeyValue) }
}
