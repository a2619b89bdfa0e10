import type { DeleteRangeRequest, PutRequest, RangeRequest, RequestOp, TxnRequest } from '../gen/etcd/rpc_pb.ts'
import { fault } from './faults.ts'
import { contains, keyText, type Span, spanOf } from './span.ts'

/** etcd's default `--max-txn-ops`. */
const maxTxnOps = 128
/** etcd's default `--max-request-bytes`. */
const maxRequestBytes = 1.5 * 1024 * 1024

/** Throws `invalid_argument` when a Range or DeleteRange names no key. */
export function checkKey(request: RangeRequest | DeleteRangeRequest): void {
  if (request.key.length === 0) throw fault('emptyKey')
}

/** Throws `invalid_argument` for a Put without a key, with a value or lease that it asks to ignore, or too large. */
export function checkPut(request: PutRequest): void {
  if (request.key.length === 0) throw fault('emptyKey')
  if (request.ignoreValue && request.value.length > 0) throw fault('valueProvided')
  if (request.ignoreLease && request.lease !== 0n) throw fault('leaseProvided')
  if (request.key.length + request.value.length > maxRequestBytes) throw fault('tooLarge')
}

/**
 * Throws `invalid_argument` for a transaction that is not well formed, too long or too large (nested ones share the
 * limits), or that may write a key twice.
 */
export function checkTxn(request: TxnRequest): void {
  checkShape(request, maxTxnOps)
  writesOf(request.success)
  writesOf(request.failure)
  if (bytesOf(request) > maxRequestBytes) throw fault('tooLarge')
}

/** About how much a transaction brings along, in whichever branch: etcd writes down all of it. */
function bytesOf({ success, failure }: TxnRequest): number {
  let bytes = 0
  for (const { request } of [...success, ...failure]) {
    if (request.case === 'requestPut') bytes += request.value.key.length + request.value.value.length
    if (request.case === 'requestTxn') bytes += bytesOf(request.value)
  }
  return bytes
}

function checkShape(request: TxnRequest, allowed: number): void {
  const used = Math.max(request.compare.length, request.success.length, request.failure.length)
  if (used > allowed) throw fault('tooManyOps')
  for (const { key } of request.compare) if (key.length === 0) throw fault('emptyKey')
  for (const op of request.success) checkOp(op, allowed - used)
  for (const op of request.failure) checkOp(op, allowed - used)
}

function checkOp({ request }: RequestOp, allowed: number): void {
  switch (request.case) {
    case 'requestRange':
    case 'requestDeleteRange':
      checkKey(request.value)
      break
    case 'requestPut':
      checkPut(request.value)
      break
    case 'requestTxn':
      checkShape(request.value, allowed)
      break
    default:
      throw fault('keyNotFound')
  }
}

interface Writes {
  readonly puts: ReadonlySet<string>
  readonly deletes: readonly Span[]
}

/** What a list of operations may write. Throws when it may put a key twice, or put and delete one. */
function writesOf(ops: readonly RequestOp[]): Writes {
  const puts = new Set<string>()
  const deletes: Span[] = []
  for (const { request } of ops) {
    if (request.case !== 'requestDeleteRange') continue
    const span = spanOf(request.value)
    // etcd takes a delete of everything from a key on for one of nothing, here; programs may live by that.
    if (span.end !== undefined) deletes.push(span)
  }

  const claim = (keys: Iterable<string>, allowed?: ReadonlySet<string>): void => {
    for (const key of keys) {
      const twice = puts.has(key) && !allowed?.has(key)
      if (twice || deletes.some((span) => contains(span, key))) throw fault('duplicateKey')
      puts.add(key)
    }
  }
  for (const { request } of ops) {
    if (request.case !== 'requestTxn') continue
    const success = writesOf(request.value.success)
    const failure = writesOf(request.value.failure)
    claim(success.puts)
    // Only one branch runs, so both may write the same key.
    claim(failure.puts, success.puts)
    deletes.push(...success.deletes, ...failure.deletes)
  }
  for (const { request } of ops) if (request.case === 'requestPut') claim([keyText(request.value.key)])
  return { puts, deletes }
}
