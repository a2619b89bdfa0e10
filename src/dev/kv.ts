import { KV } from '../gen/etcd/rpc_pb.ts'
import type { Route } from '../transport.ts'
import { checkKey, checkPut, checkTxn } from './check.ts'
import type { Header } from './header.ts'
import { range } from './range.ts'
import { implement } from './routes.ts'
import type { Store } from './store.ts'
import { checkKept, checkLease, checkPlan, deleteRange, type KnownLeases, plan, put, run } from './txn.ts'

/** etcd's KV service on a store. */
export function kvService(store: Store, leases: KnownLeases, header: () => Header): readonly Route[] {
  const fill = <R extends { header?: Header | undefined }>(response: R): R => {
    response.header = header()
    return response
  }

  return implement(KV, {
    async range(request) {
      checkKey(request)
      return { ...range(store, request), header: header() }
    },
    async put(request) {
      checkPut(request)
      checkLease(leases, request)
      checkKept(store, request)
      return fill(store.write((draft) => put(draft, request)))
    },
    async deleteRange(request) {
      checkKey(request)
      return fill(store.write((draft) => deleteRange(draft, request)))
    },
    async txn(request) {
      checkTxn(request)
      const chosen = plan(store, request)
      checkPlan(store, leases, chosen)
      return fill(store.write((draft) => run(draft, chosen)))
    },
    async compact({ revision }) {
      store.compact(revision)
      return { header: header() }
    },
  })
}
