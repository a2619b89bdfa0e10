import { KV } from '../gen/etcd/rpc_pb.ts'
import { type Bytes, type KeyRange, type Keys, rangeOf } from './bytes.ts'
import type { Caller, CallOptions } from './caller.ts'
import type { DeleteResult, PutResult, RangeResult } from './operation.ts'
import { type Delete, type Put, putRequest, type Range, rangeRequest, toDeleteResult, toPutResult, toRangeResult } from './operation.ts'
import type { KeyValue } from './record.ts'

/** Keys and values: the part of the client for reading and writing. */
export interface Kv {
  /** The record of one key; undefined when there is none. */
  get(key: Bytes, options?: CallOptions & { readonly revision?: number; readonly serializable?: boolean }): Promise<KeyValue | undefined>
  /** The records of many keys, ordered by key unless asked otherwise. */
  range(range: Range, options?: CallOptions): Promise<RangeResult>
  /** As {@link range}, `limit` (default 1000) records at a time, every page as of the revision of the first. */
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
      const limit = query.limit ?? 1000
      let from = key
      let { revision } = query
      for (;;) {
        const page = await read({ ...query, limit, revision }, options, { key: from, rangeEnd })
        yield page
        const last = page.kvs.at(-1)
        if (!page.more || last === undefined) return
        revision ??= page.revision
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
      await caller.unary(compact, { revision: BigInt(revision), physical }, { ...options, repeatable: false })
    },
  }
}
