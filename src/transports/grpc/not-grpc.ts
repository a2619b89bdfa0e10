import type { Codec } from '../../codec.ts'
import { RpcError } from '../../error.ts'
import type { Route } from '../../transport.ts'

/** What is answered to requests that are no calls. */
export const spoken: Buffer = Buffer.from(
  'Over HTTP/2 this port speaks gRPC: POST /package.Service/Method with content-type application/grpc.\n',
)

/** Stands where a route would be for requests that are no calls: they are read to their end, then answered by a status. */
export const notGrpc: Route = {
  method: { service: '', name: '', path: '', kind: 'unary', input: raw(), output: raw(), idempotent: false },
  endpoint: () => Promise.reject(new RpcError('internal', 'not a call')),
}

const nothing = Buffer.alloc(0)

function raw(): Codec<unknown> {
  return { name: 'raw', encode: () => nothing, decode: (bytes) => bytes }
}
