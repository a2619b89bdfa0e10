import { checkNumber } from '../check.ts'
import { type Clock, systemClock } from '../clock.ts'
import { RpcError } from '../error.ts'
import { Auth } from '../gen/etcd/rpc_pb.ts'
import { type Logger, silent } from '../logger.ts'
import { type GrpcOptions, grpc } from '../transports/grpc.ts'
import { createCaller } from './caller.ts'
import { type Endpoints, parseEndpoints } from './endpoints.ts'
import { createKv, type Kv } from './kv.ts'
import { createLeases, type Leases } from './lease.ts'
import { createLink } from './link.ts'
import { createMaintenance, type Maintenance } from './maintenance.ts'
import { createTransactions, type Transactions } from './txn.ts'
import { createWatches, type Watches } from './watch.ts'

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
  readonly clock?: Clock | undefined
  /** Uniform in [0, 1). Default `Math.random`. */
  readonly random?: (() => number) | undefined
  readonly logger?: Logger | undefined
}

/** An etcd v3 client. Calls reject with an RpcError that names the endpoints. */
export interface EtcdClient extends Kv, Transactions, Leases, Watches, Maintenance {
  /** For messages: `etcd at 127.0.0.1:2379`. */
  readonly name: string
  /** What a call gets when it asks for nothing else, in milliseconds. */
  readonly timeout: number
  /** For who tries again: resolves after `ms` milliseconds, or as soon as etcd can be reached again. */
  pause(ms: number): Promise<void>
  /** Ends watches, keep-alives and the connection; leases run out. Calls reject with `canceled` afterwards. Idempotent. */
  close(): Promise<void>
}

/** A client that connects when it is first used. Throws `invalid_argument` naming the option. */
export function etcdClient(options: EtcdOptions = {}): EtcdClient {
  const { timeout = 5000, clock = systemClock, random = Math.random, logger = silent } = options
  const endpoints = parseEndpoints(options.endpoints ?? ['127.0.0.1:2379'])
  const keepalive = { interval: options.keepalive?.interval ?? 10_000, timeout: options.keepalive?.timeout ?? 4000 }
  checkNumber('etcd: timeout (ms)', timeout, { min: 1 })
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
  const link = createLink({ name: `etcd at ${endpoints.addresses.join(',')}`, addresses: endpoints.addresses, transport, clock, random })
  const caller = createCaller({
    link,
    timeout,
    keepalive,
    clock,
    random,
    logger,
    username: options.username,
    async authenticate(unary) {
      const { username: name = '', password = '' } = options
      const credentials = { name, password: typeof password === 'function' ? await password() : password }
      const { token } = await unary(Auth.method.authenticate, credentials, { repeatable: true })
      return token
    },
  })
  return {
    ...createKv(caller),
    ...createTransactions(caller),
    ...createLeases(caller),
    ...createWatches(caller),
    ...createMaintenance(caller),
    name: link.name,
    timeout,
    pause: link.pause,
    close: link.close,
  }
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
