import { RpcError } from '../error.ts'
import type { Transport } from '../transport.ts'
import { ClientConnection } from './grpc/client-connection.ts'
import { type GrpcOptions, toSettings } from './grpc/options.ts'
import { PingIntervals } from './grpc/ping-intervals.ts'
import { listen } from './grpc/server.ts'

export type { CorsOptions } from './grpc/http1/cors.ts'
export type { GrpcOptions, GrpcTlsOptions, KeepaliveOptions } from './grpc/options.ts'
export type { ServerLimits } from './grpc/server-limits.ts'

/**
 * gRPC over HTTP/2, in plain text or over TLS: all four kinds of call, deadlines, cancellation, flow control to the
 * application. A server also answers HTTP/1.1 on the same port: JSON and Connect's unary calls. Throws `invalid_argument` naming an option that is wrong. Protocol: https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md
 */
export function grpc(options: GrpcOptions = {}): Transport {
  const settings = toSettings(options)
  const pings = new PingIntervals(settings.keepalive)
  return {
    scheme: 'grpc',
    dial(address, dialOptions = {}) {
      const connection = connect(address)
      return {
        address,
        get state() {
          return connection.state
        },
        call: ((request, context) => connection.call(request, context)) as typeof connection.call as never,
        close: ({ drain = 0 } = {}) => connection.close(drain),
      }

      function connect(to: string): ClientConnection {
        try {
          return new ClientConnection(to, settings, dialOptions, pings)
        } catch (thrown) {
          throw RpcError.from(thrown, 'invalid_argument')
        }
      }
    },
    listen: (routes, options) => listen(routes, options, settings),
  }
}
