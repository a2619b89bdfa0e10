import type { DescMethodUnary, MessageInitShape } from '@bufbuild/protobuf'
import fc from 'fast-check'
import {
  type CompareSchema,
  KV,
  Lease,
  type RangeRequestSchema,
  type RequestOpSchema,
  type TxnRequestSchema,
} from '../../src/gen/etcd/rpc_pb.ts'
import { bytes } from './peer.ts'

/** A call to be made when the store is at a revision. */
export type Operation = (revision: bigint) => { method: DescMethodUnary; request: object }

const keys = ['a', 'aa', 'ab', 'abc', 'b', 'b\0', 'k/1', 'k/2', '\xff', '\xff\xff']
const key = fc.constantFrom(...keys).map(bytes)
const rangeEnd = fc
  .oneof(
    { weight: 3, arbitrary: fc.constant('') },
    { weight: 2, arbitrary: fc.constantFrom('\0', 'b', 'l', 'k0') },
    { weight: 1, arbitrary: fc.constantFrom(...keys) },
  )
  .map(bytes)
const value = fc.constantFrom('', 'x', 'y', 'longer').map(bytes)
const leaseIds = [101n, 102n, 103n]
const lease = fc.oneof({ weight: 5, arbitrary: fc.constant(0n) }, { weight: 3, arbitrary: fc.constantFrom(...leaseIds) }, fc.constant(999n))
const often = (weight: number) => fc.oneof({ weight, arbitrary: fc.constant(false) }, fc.constant(true))
/** A revision some steps ago, mostly none at all. */
const back = fc.oneof({ weight: 3, arbitrary: fc.constant(undefined) }, fc.integer({ min: -2, max: 25 }))
const at = (revision: bigint, steps: number | undefined): bigint => (steps === undefined ? 0n : revision - BigInt(steps))

type Made<T> = (revision: bigint) => T

const range: fc.Arbitrary<Made<MessageInitShape<typeof RangeRequestSchema>>> = fc
  .record({
    key,
    rangeEnd,
    limit: fc.integer({ min: -1, max: 5 }),
    sortOrder: fc.constantFrom(...([0, 1, 2] as const)),
    sortTarget: fc.constantFrom(...([0, 1, 2, 3, 4] as const)),
    keysOnly: often(4),
    countOnly: often(6),
    steps: back,
    minMod: back,
    maxMod: back,
    minCreate: back,
    maxCreate: back,
    filter: often(3),
  })
  .map(({ limit, steps, minMod, maxMod, minCreate, maxCreate, filter, ...rest }) => (revision) => ({
    ...rest,
    limit: BigInt(limit),
    revision: at(revision, steps),
    ...(filter
      ? {
          minModRevision: at(revision, minMod),
          maxModRevision: at(revision, maxMod),
          minCreateRevision: at(revision, minCreate),
          maxCreateRevision: at(revision, maxCreate),
        }
      : {}),
  }))

const put = fc.record({ key, value, lease, prevKv: often(1), ignoreValue: often(8), ignoreLease: often(8) })
const remove = fc.record({ key, rangeEnd, prevKv: often(1) })

const compare: fc.Arbitrary<Made<MessageInitShape<typeof CompareSchema>>> = fc
  .record({
    key,
    rangeEnd,
    result: fc.constantFrom(...([0, 1, 2, 3] as const)),
    target: fc.constantFrom(...([0, 1, 2, 3, 4] as const)),
    number: fc.integer({ min: 0, max: 3 }),
    steps: back,
    value,
  })
  .map(({ number, steps, value, ...rest }) => (revision) => {
    const cases = ['version', 'createRevision', 'modRevision', 'value', 'lease'] as const
    const name = cases[rest.target] ?? 'version'
    const operand =
      name === 'value' ? value : name === 'version' ? BigInt(number) : name === 'lease' ? BigInt(100 + number) : at(revision, steps)
    return { ...rest, targetUnion: { case: name, value: operand } as never }
  })

type Op = MessageInitShape<typeof RequestOpSchema>

function op(depth: number): fc.Arbitrary<Made<Op>> {
  const flat: fc.Arbitrary<Made<Op>>[] = [
    range.map((make) => (revision) => ({ request: { case: 'requestRange', value: make(revision) } })),
    put.map((one) => () => ({ request: { case: 'requestPut', value: one } })),
    remove.map((one) => () => ({ request: { case: 'requestDeleteRange', value: one } })),
  ]
  if (depth === 0) return fc.oneof(...flat)
  return fc.oneof(
    ...flat,
    txn(depth - 1).map((make) => (revision: bigint) => ({ request: { case: 'requestTxn', value: make(revision) } }) as Op),
  )
}

function txn(depth: number): fc.Arbitrary<Made<MessageInitShape<typeof TxnRequestSchema>>> {
  const ops = fc.array(op(depth), { maxLength: 3 })
  return fc.record({ compare: fc.array(compare, { maxLength: 2 }), success: ops, failure: ops }).map((parts) => (revision) => ({
    compare: parts.compare.map((make) => make(revision)),
    success: parts.success.map((make) => make(revision)),
    failure: parts.failure.map((make) => make(revision)),
  }))
}

/** Any operation on keys and leases, but those that forget. */
export const operation: fc.Arbitrary<Operation> = fc.oneof(
  { weight: 6, arbitrary: put.map((request) => () => ({ method: KV.method.put, request })) },
  { weight: 4, arbitrary: range.map((make) => (revision: bigint) => ({ method: KV.method.range, request: make(revision) })) },
  { weight: 2, arbitrary: remove.map((request) => () => ({ method: KV.method.deleteRange, request })) },
  { weight: 5, arbitrary: txn(2).map((make) => (revision: bigint) => ({ method: KV.method.txn, request: make(revision) })) },
  fc.constantFrom(...leaseIds).map((ID) => () => ({ method: Lease.method.leaseGrant, request: { ID, TTL: 1000n } })),
  fc.constantFrom(...leaseIds).map((ID) => () => ({ method: Lease.method.leaseRevoke, request: { ID } })),
  fc.constantFrom(...leaseIds, 999n).map((ID) => () => ({ method: Lease.method.leaseTimeToLive, request: { ID, keys: true } })),
)

/** A compaction some revisions back, or ahead. */
export const compaction: fc.Arbitrary<Operation> = fc
  .integer({ min: -1, max: 30 })
  .map((steps) => (revision) => ({ method: KV.method.compact, request: { revision: revision - BigInt(steps), physical: true } }))
