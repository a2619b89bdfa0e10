import { KV } from '../gen/etcd/rpc_pb.ts'
import { type Bytes, type KeyRange, type Keys, rangeOf } from './bytes.ts'
import type { Caller, CallOptions } from './caller.ts'
import type { DeleteResult, PutResult, RangeResult } from './operation.ts'
import {
  type Delete,
  type Put,
  putRequest,
  type Range,
  rangeRequest,
  toDeleteResult,
  toPutResult,
  toRangeResult,
  whole,
} from './operation.ts'
import type { KeyValue } from './record.ts'

/** Keys and values: the part of the client for reading and writing. */
export interface Kv {
  /** The record of one key; undefined when there is none. */
  get(key: Bytes, options?: CallOptions & { readonly revision?: number; readonly serializable?: boolean }): Promise<KeyValue | undefined>
  /** The records of many keys, ordered by key unless asked otherwise. */
  range(range: Range, options?: CallOptions): Promise<RangeResult>
  /** As {@link range}, `limit` records at a time (default: about 2 MB of them, 1000 at first), every page as of the revision of the first. */
  pages(range: Range, options?: CallOptions): AsyncGenerator<RangeResult>
  put(key: Bytes, value: Bytes, options?: CallOptions & Omit<Put, 'put' | 'value'>): Promise<PutResult>
  delete(keys: Keys, options?: CallOptions & Omit<Delete, 'delete'>): Promise<DeleteResult>
  /** Forgets the history before `revision`. */
  compact(revision: number, options?: CallOptions & { readonly physical?: boolean }): Promise<void>
}

/** The keys and values of a client. */
export function createKv(caller: Caller): Kv {
  const { range: rangeMethod, put, deleteRange, compact } = KV.method

  async function read(query: Range, options?: CallOptions, part?: KeyRange): Promise<RangeResult> {
    return toRangeResult(await caller.unary(rangeMethod, rangeRequest(query, part), { ...options, repeatable: true }))
  }

  return {
    async get(key, { revision, serializable, ...options } = {}) {
      const { kvs } = await read({ key, revision, serializable }, options)
      return kvs[0]
    },
    range: (query, options) => read(query, options),
    async *pages(query, options) {
      const { rangeEnd, key } = rangeOf(query)
      let limit = query.limit ?? 1000
      let from = key
      let { revision } = query
      for (;;) {
        const page = await read({ ...query, limit, revision }, options, { key: from, rangeEnd })
        yield page
        const last = page.kvs.at(-1)
        if (!page.more || last === undefined) return
        revision ??= page.revision
        limit = query.limit ?? limitAfter(page.kvs)
        from = Buffer.concat([last.key, Buffer.alloc(1)])
      }
    },
    async put(key, value, { lease, previous, ...options } = {}) {
      return toPutResult(await caller.unary(put, putRequest({ put: key, value, lease, previous }), { ...options, repeatable: false }))
    },
    async delete(keys, { previous = false, ...options } = {}) {
      const request = { ...rangeOf(keys), prevKv: previous }
      return toDeleteResult(await caller.unary(deleteRange, request, { ...options, repeatable: false }))
    },
    async compact(revision, { physical = false, ...options } = {}) {
      await caller.unary(compact, { revision: whole('compact: revision', revision), physical }, { ...options, repeatable: false })
    },
  }
}

/** etcd counts all of a range for each page of it, so few large pages cost it less; but each must be held in memory on both sides. */
function limitAfter(kvs: readonly KeyValue[]): number {
  const bytes = kvs.reduce((sum, { key, value }) => sum + key.length + value.length, 0)
  return Math.max(100, Math.min(10_000, Math.floor((kvs.length * 2_000_000) / bytes)))
}
