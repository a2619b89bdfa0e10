import type { DescMethodUnary } from '@bufbuild/protobuf'
import { describe, expect, it } from 'vitest'
import { Auth, KV, Lease } from '../../src/gen/etcd/rpc_pb.ts'
import { besideEtcd } from './beside.ts'
import { bytes, outcome } from './peer.ts'

const a = bytes('a')
const value = bytes('v')
const put = (key: string) => ({ request: { case: 'requestPut', value: { key: bytes(key), value } } })
const remove = (key: string, rangeEnd = '') => ({
  request: { case: 'requestDeleteRange', value: { key: bytes(key), rangeEnd: bytes(rangeEnd) } },
})
const txn = (success: readonly object[], failure: readonly object[] = []) => ({
  request: { case: 'requestTxn', value: { success, failure } },
})
const many = (count: number) => Array.from({ length: count }, (_, i) => put(`many${i}`))

/** More than half of what may be in one request. */
const half = (key: string) => ({ request: { case: 'requestPut', value: { key: bytes(key), value: Buffer.alloc(0.8 * 1024 * 1024) } } })

const { range, put: putMethod, deleteRange, txn: txnMethod, compact } = KV.method
const { leaseGrant, leaseRevoke, leaseTimeToLive } = Lease.method

const requests: readonly [string, DescMethodUnary, object][] = [
  ['a range without a key', range, {}],
  ['a range at a revision to come', range, { key: a, revision: 99n }],
  ['a put without a key', putMethod, { value }],
  ['a put that keeps the value but has one', putMethod, { key: a, value, ignoreValue: true }],
  ['a put that keeps the lease but has one', putMethod, { key: a, lease: 1n, ignoreLease: true }],
  ['a put that keeps what is not there', putMethod, { key: a, ignoreValue: true }],
  ['a put with an unknown lease', putMethod, { key: a, lease: 12n }],
  ['a put that is too large', putMethod, { key: a, value: Buffer.alloc(1.6 * 1024 * 1024) }],
  ['a transaction that is too large in all', txnMethod, { success: [half('a'), half('b')] }],
  ['a transaction that would be too large in the other branch', txnMethod, { success: [put('a')], failure: [half('a'), half('b')] }],
  ['nested transactions that are too large together', txnMethod, { success: [half('a'), txn([half('b')])] }],
  ['a delete without a key', deleteRange, {}],
  ['a transaction with an empty operation', txnMethod, { success: [{}] }],
  ['a transaction that compares no key', txnMethod, { compare: [{}] }],
  ['a transaction that is too long', txnMethod, { success: many(129) }],
  ['a transaction as long as may be', txnMethod, { success: many(128) }],
  ['nested transactions that are too long together', txnMethod, { success: [...many(100), txn(many(29))] }],
  ['a key put twice', txnMethod, { success: [put('a'), put('a')] }],
  ['a key put and deleted', txnMethod, { success: [put('a'), remove('a')] }],
  ['a key put and deleted in a range', txnMethod, { failure: [remove('a', 'c'), put('b')] }],
  ['a key put at the end of what is deleted', txnMethod, { success: [remove('a', 'c'), put('c')] }],
  ['a key put inside and outside', txnMethod, { success: [txn([put('a')]), put('a')] }],
  ['a key put in both branches', txnMethod, { success: [txn([put('a')], [put('a')])] }],
  ['a key put in two nested ones', txnMethod, { success: [txn([put('a')]), txn([put('a')])] }],
  ['a key put, then deleted, in two nested ones', txnMethod, { success: [txn([put('x')]), txn([remove('x')])] }],
  ['a key deleted, then put, in two nested ones', txnMethod, { success: [txn([remove('x')]), txn([put('x')])] }],
  ['a key put and deleted from another on', txnMethod, { success: [remove('a', '\0'), put('b')] }],
  ['a key put, and less than nothing deleted', txnMethod, { success: [remove('c', 'a'), put('b')] }],
  ['a key deleted twice', txnMethod, { success: [remove('a'), remove('a', 'b')] }],
  ['a compaction of what is to come', compact, { revision: 99n }],
  ['a compaction of the beginning', compact, { revision: 0n, physical: true }],
  ['a compaction of the beginning again', compact, { revision: 0n }],
  ['a lease that is too long', leaseGrant, { ID: 1n, TTL: 9_000_000_001n }],
  ['a lease', leaseGrant, { ID: 1n, TTL: 100n }],
  ['a lease that is there', leaseGrant, { ID: 1n, TTL: 100n }],
  ['the end of an unknown lease', leaseRevoke, { ID: 77n }],
  ['the time of an unknown lease', leaseTimeToLive, { ID: 77n, keys: true }],
  ['a user', Auth.method.authenticate, { name: 'root', password: 'secret' }],
]

describe('what etcd refuses', () => {
  it('the embedded registry refuses in the same words, and nothing else', (context) =>
    besideEtcd(context, async (ours, theirs) => {
      for (const [what, method, request] of requests) {
        const answer = await outcome(ours.call(method, request as never))
        expect.soft(answer, what).toEqual(await outcome(theirs.call(method, request as never)))
      }
    }))
})
