import { type Code, RpcError } from '../error.ts'

/** What can be wrong with a request. */
export type Fault =
  | 'emptyKey'
  | 'keyNotFound'
  | 'valueProvided'
  | 'leaseProvided'
  | 'tooManyOps'
  | 'duplicateKey'
  | 'tooLarge'
  | 'compacted'
  | 'futureRevision'
  | 'leaseNotFound'
  | 'leaseExists'
  | 'leaseTtlTooLarge'
  | 'authNotEnabled'

/** etcd's errors, code and text exactly as it sends them (etcd 3.4, `rpctypes/error.go`): clients compare the text. */
const faults: Readonly<Record<Fault, readonly [Code, string]>> = {
  emptyKey: ['invalid_argument', 'etcdserver: key is not provided'],
  keyNotFound: ['invalid_argument', 'etcdserver: key not found'],
  valueProvided: ['invalid_argument', 'etcdserver: value is provided'],
  leaseProvided: ['invalid_argument', 'etcdserver: lease is provided'],
  tooManyOps: ['invalid_argument', 'etcdserver: too many operations in txn request'],
  duplicateKey: ['invalid_argument', 'etcdserver: duplicate key given in txn request'],
  tooLarge: ['invalid_argument', 'etcdserver: request is too large'],
  compacted: ['out_of_range', 'etcdserver: mvcc: required revision has been compacted'],
  futureRevision: ['out_of_range', 'etcdserver: mvcc: required revision is a future revision'],
  leaseNotFound: ['not_found', 'etcdserver: requested lease not found'],
  leaseExists: ['failed_precondition', 'etcdserver: lease already exists'],
  leaseTtlTooLarge: ['out_of_range', 'etcdserver: too large lease TTL'],
  authNotEnabled: ['failed_precondition', 'etcdserver: authentication is not enabled'],
}

/** One of etcd's errors, to be thrown. */
export function fault(name: Fault): RpcError {
  const [code, text] = faults[name]
  return new RpcError(code, text)
}
