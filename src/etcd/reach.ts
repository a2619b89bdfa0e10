import { checkNumber } from '../check.ts'
import { type Clock, systemClock } from '../clock.ts'
import { RpcError } from '../error.ts'
import { Auth } from '../gen/etcd/rpc_pb.ts'
import { type Logger, silent, unfailing } from '../logger.ts'
import { type GrpcOptions, grpc } from '../transports/grpc.ts'
import { type Caller, createCaller } from './caller.ts'
import { type Endpoints, parseEndpoints } from './endpoints.ts'
import { createLink } from './link.ts'

/** How to reach etcd. */
export interface EtcdOptions {
  /** `host`, `host:port` or `http(s)://host:port` of any of the members. One is used at a time, at first a random one. Default `127.0.0.1:2379`. */
  readonly endpoints?: readonly string[] | undefined
  /** Certificates for TLS; an `https://` endpoint alone means TLS with the system's authorities. */
  readonly tls?: GrpcOptions['tls'] | undefined
  readonly username?: string | undefined
  /** A function is asked at every authentication, so that the password can be rotated while the client lives. */
  readonly password?: string | (() => string | Promise<string>) | undefined
  /** Milliseconds until a call must have ended, whatever it takes. Default 5000. */
  readonly timeout?: number | undefined
  /**
   * How long a connection may be silent before it is asked for a sign of life, at least 5000 ms because etcd hangs up on who
   * asks more often, and how long the sign may take. Default: 10 000 and 4000.
   */
  readonly keepalive?: { readonly interval?: number | undefined; readonly timeout?: number | undefined } | undefined
  /**
   * When etcd was out of reach, whatever went on with it goes on at a random moment within so many milliseconds after it answers, so that a fleet
   * does not come back at once. Calls go out at once, and leases are renewed in time. Default 500.
   */
  readonly spread?: number | undefined
  /**
   * Renews leases from a thread of its own, with a connection of its own, so that an event loop that is blocked for longer than the TTL
   * loses none. Costs that thread's memory. A `tls` function is asked once. Default false.
   */
  readonly keepaliveThread?: boolean | undefined
  readonly clock?: Clock | undefined
  /** Uniform in [0, 1). Default `Math.random`. */
  readonly random?: (() => number) | undefined
  readonly logger?: Logger | undefined
}

/** What calls etcd; it connects when it is first used. Throws `invalid_argument` naming the option. */
export function reachEtcd(options: EtcdOptions): Caller {
  const { timeout = 5000, spread = 500, clock = systemClock, random = Math.random, logger = silent } = options
  const endpoints = parseEndpoints(options.endpoints ?? ['127.0.0.1:2379'])
  const keepalive = { interval: options.keepalive?.interval ?? 10_000, timeout: options.keepalive?.timeout ?? 4000 }
  checkNumber('etcd: timeout (ms)', timeout, { min: 1 })
  checkNumber('etcd: spread (ms)', spread, { min: 0 })
  checkNumber('etcd: keepalive.interval (ms)', keepalive.interval, { min: 5000 })
  checkNumber('etcd: keepalive.timeout (ms)', keepalive.timeout, { min: 1 })
  if ((options.username === undefined) !== (options.password === undefined))
    throw invalid('username and password', 'must be given together')
  const tls = tlsOf(endpoints, options.tls)
  // Half of the time for a call, so that there is some left for another endpoint.
  const transport = grpc({
    ...(tls && { tls }),
    keepalive,
    connectTimeout: Math.min(2000, Math.ceil(timeout / 2)),
    maxReceiveBytes: largest,
  })
  const { addresses } = endpoints
  const link = createLink({ name: `etcd at ${addresses.join(',')}`, addresses, transport, spread, clock, random })
  return createCaller({
    link,
    timeout,
    keepalive,
    clock,
    random,
    logger: unfailing(logger),
    username: options.username,
    async authenticate(unary) {
      const { username: name = '', password = '' } = options
      const credentials = { name, password: typeof password === 'function' ? await password() : password }
      const { token } = await unary(Auth.method.authenticate, credentials, { repeatable: true })
      return token
    },
  })
}

/** A range without a limit may be large; etcd itself sends what it is asked for. */
const largest = 256 * 1024 * 1024

function tlsOf({ secure }: Endpoints, tls: GrpcOptions['tls']): GrpcOptions['tls'] {
  if (secure === undefined || tls === undefined) return tls ?? secure
  if (secure === (tls !== false)) return tls
  throw invalid('tls', secure ? 'is false, but the endpoints are https://' : 'is given, but the endpoints are http://')
}

function invalid(option: string, text: string): RpcError {
  return new RpcError('invalid_argument', `etcd: ${option} ${text}`)
}
