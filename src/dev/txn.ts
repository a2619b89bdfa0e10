import { create } from '@bufbuild/protobuf'
import {
  type DeleteRangeRequest,
  type DeleteRangeResponse,
  DeleteRangeResponseSchema,
  type PutRequest,
  type PutResponse,
  PutResponseSchema,
  RangeResponseSchema,
  type RequestOp,
  type ResponseOp,
  ResponseOpSchema,
  type TxnRequest,
  type TxnResponse,
  TxnResponseSchema,
} from '../gen/etcd/rpc_pb.ts'
import { holds } from './compare.ts'
import { fault } from './faults.ts'
import { checkRevision, range } from './range.ts'
import { keyText, spanOf } from './span.ts'
import type { Draft, View } from './store.ts'

/** A transaction with its branches chosen: etcd decides all of them, nested ones too, before it writes anything. */
export interface Plan {
  readonly succeeded: boolean
  readonly steps: readonly (RequestOp['request'] | Plan)[]
}

/** Chooses the branches of a transaction. */
export function plan(view: View, request: TxnRequest): Plan {
  const succeeded = request.compare.every((compare) => holds(view, compare))
  const ops = succeeded ? request.success : request.failure
  return { succeeded, steps: ops.map(({ request: op }) => (op.case === 'requestTxn' ? plan(view, op.value) : op)) }
}

/** Throws what would make a step of the plan fail, so that running it cannot. */
export function checkPlan(view: View, leases: KnownLeases, { steps }: Plan): void {
  const all = [...flatten(steps)]
  for (const op of all) {
    if (op.case !== 'requestPut') continue
    checkKept(view, op.value)
    checkLease(leases, op.value)
  }
  for (const op of all) {
    // Unlike a Range by itself, one in a transaction is refused a revision below 0.
    if (op.case === 'requestRange' && op.value.revision !== 0n) checkRevision(view, op.value.revision)
  }
}

function* flatten(steps: Plan['steps']): Generator<RequestOp['request']> {
  for (const step of steps) {
    if ('steps' in step) yield* flatten(step.steps)
    else yield step
  }
}

/** The leases that keys can be attached to. */
export interface KnownLeases {
  has(id: bigint): boolean
}

/** Throws `not_found` when a key is to be attached to a lease that is not there. */
export function checkLease(leases: KnownLeases, { lease }: PutRequest): void {
  if (lease !== 0n && !leases.has(lease)) throw fault('leaseNotFound')
}

/** Throws `invalid_argument` when a Put is to keep the value or lease of a key that is not there. */
export function checkKept(view: View, { key, ignoreValue, ignoreLease }: PutRequest): void {
  if ((ignoreValue || ignoreLease) && view.get(keyText(key)) === undefined) throw fault('keyNotFound')
}

/** Puts a key; its request is checked. */
export function put(draft: Draft, request: PutRequest): PutResponse {
  const { key, ignoreValue, ignoreLease, prevKv } = request
  const previous = draft.get(keyText(key))
  const value = ignoreValue && previous !== undefined ? previous.value : request.value
  draft.put(key, value, ignoreLease && previous !== undefined ? previous.lease : request.lease)
  return create(PutResponseSchema, { header: { revision: draft.revision }, prevKv: prevKv ? previous : undefined })
}

/** Deletes keys; its request is checked. */
export function deleteRange(draft: Draft, request: DeleteRangeRequest): DeleteRangeResponse {
  const deleted = draft.delete(spanOf(request))
  const prevKvs = request.prevKv ? deleted : []
  return create(DeleteRangeResponseSchema, { header: { revision: draft.revision }, deleted: BigInt(deleted.length), prevKvs })
}

/** Runs a plan. The headers inside say the revision only, those of nested transactions nothing, as etcd's do. */
export function run(draft: Draft, { succeeded, steps }: Plan): TxnResponse {
  return create(TxnResponseSchema, {
    header: {},
    succeeded,
    responses: steps.map((step) => create(ResponseOpSchema, { response: answer(draft, step) })),
  })
}

function answer(draft: Draft, step: Plan['steps'][number]): ResponseOp['response'] {
  if ('steps' in step) return { case: 'responseTxn', value: run(draft, step) }
  switch (step.case) {
    case 'requestRange':
      return {
        case: 'responseRange',
        value: create(RangeResponseSchema, { header: { revision: draft.revision }, ...range(draft, step.value) }),
      }
    case 'requestPut':
      return { case: 'responsePut', value: put(draft, step.value) }
    case 'requestDeleteRange':
      return { case: 'responseDeleteRange', value: deleteRange(draft, step.value) }
    default:
      return { case: undefined }
  }
}
