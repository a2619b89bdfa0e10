import type { MessageInitShape } from '@bufbuild/protobuf'
import { RpcError } from '../error.ts'
import {
  type CompareSchema,
  KV,
  type RequestOpSchema,
  type ResponseOp,
  type TxnRequestSchema,
  type TxnResponse,
} from '../gen/etcd/rpc_pb.ts'
import { type Bytes, rangeOf, toBytes } from './bytes.ts'
import type { Caller, CallOptions } from './caller.ts'
import {
  type Delete,
  type DeleteResult,
  type Put,
  type PutResult,
  putRequest,
  type Range,
  type RangeResult,
  rangeRequest,
  toDeleteResult,
  toPutResult,
  toRangeResult,
  whole,
} from './operation.ts'

/** A condition on one key, with exactly one of the five things to compare. A key that is not there has version, revisions and lease 0. */
export type Compare = { readonly key: Bytes /** Default: `=`. */; readonly is?: keyof typeof results | undefined } & (
  | { readonly version: number }
  | { readonly createRevision: number }
  | { readonly modRevision: number }
  | { readonly value: Bytes }
  | { readonly lease: bigint }
)

const results = { '=': 0, '>': 1, '<': 2, '!=': 3 } as const

/** One step of a transaction. */
export type Operation = Put | Delete | { readonly get: Range } | { readonly txn: Txn }

/** All steps of `success`, or all of `failure`, in one revision: `{ compare: [{ key, version: 0 }], success: [{ put: key, value }] }`. */
export interface Txn {
  /** All must hold. Default: none, so `success` is done. */
  readonly compare?: readonly Compare[] | undefined
  readonly success?: readonly Operation[] | undefined
  readonly failure?: readonly Operation[] | undefined
}

/** What a transaction did. */
export interface TxnResult {
  /** `success` was done. */
  readonly succeeded: boolean
  /** The store's revision afterwards. */
  readonly revision: number
  /** One per step that was done, in order. */
  readonly results: readonly OperationResult[]
}

/** What a step did, under the step's own name. */
export type OperationResult =
  | { readonly put: PutResult }
  | { readonly delete: DeleteResult }
  | { readonly get: RangeResult }
  | { readonly txn: TxnResult }

/** Transactions: the part of the client for several changes at once. */
export interface Transactions {
  txn(txn: Txn, options?: CallOptions): Promise<TxnResult>
}

/** The transactions of a client. */
export function createTransactions(caller: Caller): Transactions {
  return {
    async txn(txn, options) {
      const readsOnly = [...(txn.success ?? []), ...(txn.failure ?? [])].every((step) => 'get' in step)
      return toTxnResult(await caller.unary(KV.method.txn, txnRequest(txn), { ...options, repeatable: readsOnly }))
    },
  }
}

function txnRequest({ compare = [], success = [], failure = [] }: Txn): MessageInitShape<typeof TxnRequestSchema> {
  return { compare: compare.map(toCompare), success: success.map(toRequest), failure: failure.map(toRequest) }
}

function toCompare(compare: Compare): MessageInitShape<typeof CompareSchema> {
  const base = { key: toBytes(compare.key), result: results[compare.is ?? '='] }
  if ('version' in compare) return { ...base, target: 0, targetUnion: { case: 'version', value: whole('txn: version', compare.version) } }
  if ('createRevision' in compare)
    return { ...base, target: 1, targetUnion: { case: 'createRevision', value: whole('txn: createRevision', compare.createRevision) } }
  if ('modRevision' in compare)
    return { ...base, target: 2, targetUnion: { case: 'modRevision', value: whole('txn: modRevision', compare.modRevision) } }
  if ('value' in compare) return { ...base, target: 3, targetUnion: { case: 'value', value: toBytes(compare.value) } }
  return { ...base, target: 4, targetUnion: { case: 'lease', value: compare.lease } }
}

function toRequest(step: Operation): MessageInitShape<typeof RequestOpSchema> {
  if ('put' in step) return { request: { case: 'requestPut', value: putRequest(step) } }
  if ('get' in step) return { request: { case: 'requestRange', value: rangeRequest(step.get) } }
  if ('txn' in step) return { request: { case: 'requestTxn', value: txnRequest(step.txn) } }
  return { request: { case: 'requestDeleteRange', value: { ...rangeOf(step.delete), prevKv: step.previous ?? false } } }
}

function toTxnResult({ header, succeeded, responses }: TxnResponse): TxnResult {
  return { succeeded, revision: Number(header?.revision ?? 0n), results: responses.map(toResult) }
}

function toResult({ response }: ResponseOp): OperationResult {
  switch (response.case) {
    case 'responsePut':
      return { put: toPutResult(response.value) }
    case 'responseDeleteRange':
      return { delete: toDeleteResult(response.value) }
    case 'responseRange':
      return { get: toRangeResult(response.value) }
    case 'responseTxn':
      return { txn: toTxnResult(response.value) }
    default:
      throw new RpcError('internal', 'etcd answered a transaction with a result of no kind')
  }
}
