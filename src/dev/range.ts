import { create } from '@bufbuild/protobuf'
import { type KeyValue, KeyValueSchema } from '../gen/etcd/kv_pb.ts'
import { RangeRequest_SortOrder as Order, type RangeRequest, RangeRequest_SortTarget as Target } from '../gen/etcd/rpc_pb.ts'
import { fault } from './faults.ts'
import { spanOf } from './span.ts'
import type { View } from './store.ts'

/** The answer to a Range, but for its header. */
export interface RangeResult {
  readonly kvs: KeyValue[]
  readonly more: boolean
  /** How many keys there are, whatever the limit and the revision filters say. */
  readonly count: bigint
}

/** Throws `out_of_range` for a revision that is not there yet, or no more. */
export function checkRevision(view: View, revision: bigint): void {
  if (revision > view.revision) throw fault('futureRevision')
  if (revision < view.compacted) throw fault('compacted')
}

/** Answers a Range, at the current revision if it names none above 0. Throws as {@link checkRevision} does. */
export function range(view: View, request: RangeRequest): RangeResult {
  if (request.revision > 0n) checkRevision(view, request.revision)
  const found = [...view.range(spanOf(request), request.revision > 0n ? request.revision : undefined)]
  const count = BigInt(found.length)
  if (request.countOnly) return { kvs: [], more: false, count }

  const limit = request.limit > 0n ? Number(request.limit) : found.length
  const kvs = sort(filter(early(found, request, limit), request), request)
  const answer = kvs.slice(0, limit)
  return { kvs: request.keysOnly ? answer.map(withoutValue) : answer, more: kvs.length > limit, count }
}

/** etcd takes the limit from the keys in order before it sorts by something else, unless an order or a filter is asked for. */
function early(found: readonly KeyValue[], request: RangeRequest, limit: number): readonly KeyValue[] {
  return request.sortOrder === Order.NONE && !filters(request) ? found.slice(0, limit + 1) : found
}

function filters({ minModRevision, maxModRevision, minCreateRevision, maxCreateRevision }: RangeRequest): boolean {
  return minModRevision !== 0n || maxModRevision !== 0n || minCreateRevision !== 0n || maxCreateRevision !== 0n
}

function filter(kvs: readonly KeyValue[], request: RangeRequest): readonly KeyValue[] {
  if (!filters(request)) return kvs
  const { minModRevision, maxModRevision, minCreateRevision, maxCreateRevision } = request
  return kvs.filter(
    ({ modRevision, createRevision }) =>
      !(maxModRevision !== 0n && modRevision > maxModRevision) &&
      !(minModRevision !== 0n && modRevision < minModRevision) &&
      !(maxCreateRevision !== 0n && createRevision > maxCreateRevision) &&
      !(minCreateRevision !== 0n && createRevision < minCreateRevision),
  )
}

const comparers: Readonly<Record<number, (a: KeyValue, b: KeyValue) => number>> = {
  [Target.VERSION]: (a, b) => Number(a.version - b.version),
  [Target.CREATE]: (a, b) => Number(a.createRevision - b.createRevision),
  [Target.MOD]: (a, b) => Number(a.modRevision - b.modRevision),
  [Target.VALUE]: (a, b) => Buffer.compare(a.value, b.value),
}

/** An unset order means ascending for every target but the key, in whose order the values are already. */
function sort(kvs: readonly KeyValue[], { sortOrder, sortTarget }: RangeRequest): readonly KeyValue[] {
  const compare = comparers[sortTarget]
  if (compare === undefined) return sortOrder === Order.DESCEND ? kvs.toReversed() : kvs
  return kvs.toSorted(sortOrder === Order.DESCEND ? (a, b) => compare(b, a) : compare)
}

function withoutValue({ key, createRevision, modRevision, version, lease }: KeyValue): KeyValue {
  return create(KeyValueSchema, { key, createRevision, modRevision, version, lease })
}
