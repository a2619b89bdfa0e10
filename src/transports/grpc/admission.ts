import type { Codec } from '../../codec.ts'
import { RpcError } from '../../error.ts'
import type { Route } from '../../transport.ts'
import { accepted } from './compression.ts'
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

/** What requests that are no calls are answered with. */
export const spoken: Buffer = Buffer.from(
  'Over HTTP/2 this port speaks gRPC: POST /package.Service/Method with content-type application/grpc.\n',
)

/** Stands where a route would be for requests that are no calls: they are read to their end, then answered by a status. */
export const notGrpc: Route = {
  method: { service: '', name: '', path: '', kind: 'unary', input: raw(), output: raw(), idempotent: false },
  endpoint: () => Promise.reject(new RpcError('internal', 'not a call')),
}

function raw(): Codec<unknown> {
  return { name: 'raw', encode: () => new Uint8Array(0), decode: (bytes) => bytes }
}
