import type { Code } from '../../error.ts'
import { RpcError } from '../../error.ts'
import type { Answer } from './exchange.ts'

/** etcd's error codes: https://etcd.io/docs/v2.3/errorcode/ */
const codes: ReadonlyMap<number, Code> = new Map([
  [100, 'not_found'],
  [101, 'aborted'],
  [105, 'already_exists'],
  [110, 'permission_denied'],
  [401, 'out_of_range'],
])

/**
 * The error that an answer is, if it is one: `not_found` (no such key), `aborted` (a comparison failed), `already_exists`, `out_of_range`
 * (the index is no longer in the history), `permission_denied` or `unauthenticated`, `unavailable` (no leader), or what else etcd says.
 */
export function failureOf({ status, body = '' }: Answer, user: string | undefined): RpcError | undefined {
  if (status >= 200 && status < 300) return undefined
  const said = parse(body)
  if (said === undefined) {
    if (status === 404)
      return new RpcError('unimplemented', 'has no v2 API: start it with --enable-v2=true (up to 3.5; later ones have none)')
    return new RpcError(status >= 500 ? 'unavailable' : 'internal', `HTTP status ${status}: ${body.slice(0, 200)}`)
  }
  const { errorCode, message, cause } = said
  const text = [message, cause].filter((part) => typeof part === 'string' && part !== '').join(': ')
  if (status === 401)
    return user === undefined
      ? new RpcError('unauthenticated', `${text}; give username and password`)
      : new RpcError('permission_denied', `${text}; user "${user}" has not the permission, or another password`)
  return new RpcError(codes.get(Number(errorCode)) ?? (status >= 500 ? 'unavailable' : 'failed_precondition'), text)
}

function parse(body: string): { errorCode?: unknown; message?: unknown; cause?: unknown } | undefined {
  try {
    const value: unknown = JSON.parse(body)
    return typeof value === 'object' && value !== null ? value : undefined
  } catch {
    return undefined
  }
}
