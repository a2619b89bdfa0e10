import { RpcError } from '../../error.ts'
import type { Route } from '../../transport.ts'
import { accepted } from './compression.ts'
import { notGrpc } from './not-grpc.ts'
import type { RequestHead } from './request-head.ts'

/** What answers a request, or why nothing does, as far as its headers tell. */
export function admission(head: RequestHead, size: number, maxHeaderBytes: number): Route | RpcError {
  const { path, route, timeout, encoding } = head
  if (size > maxHeaderBytes)
    return new RpcError('resource_exhausted', `headers of ${size} bytes are over the limit of ${maxHeaderBytes} (maxHeaderBytes)`)
  if (head.http !== 0) return notGrpc
  if (route === undefined) return new RpcError('unimplemented', `unknown method ${path}`)
  if (head.input === undefined) return new RpcError('unimplemented', `${path} does not speak ${head.contentType}`)
  if (encoding !== '' && encoding !== 'gzip')
    return new RpcError('unimplemented', `${path}: compression ${encoding} is not supported, only ${accepted}`)
  if (Number.isNaN(timeout)) return new RpcError('internal', `${path}: grpc-timeout cannot be read`)
  return timeout <= 0 ? new RpcError('deadline_exceeded', `deadline of ${path} passed`) : route
}
