import { type Clock, systemClock } from '../clock.ts'
import { RpcError } from '../error.ts'
import { type Logger, loggerOf } from '../logger.ts'
import { grpc } from '../transports/grpc.ts'
import { headerAt } from './header.ts'
import { kvService } from './kv.ts'
import { leaseService } from './lease-service.ts'
import { leasesOf } from './leases.ts'
import { maintenance } from './maintenance.ts'
import { routesOf } from './routes.ts'
import { memoryStore } from './store.ts'
import { watchService } from './watch-service.ts'
import { watchersOf } from './watchers.ts'

/** How an embedded registry is set up. */
export interface DevRegistryOptions {
  /** Where it listens, `host:port`. Default `127.0.0.1:0`: a free port of this machine only. */
  readonly address?: string | undefined
  /** How many changes it remembers at least, for watches that begin in the past; older ones are compacted. Default 100 000. */
  readonly historyLimit?: number | undefined
  /** Milliseconds after which an idle watch with `progress_notify` is told the revision. Default 600 000, as etcd's. */
  readonly progressInterval?: number | undefined
  /** What leases expire by. Default the system's. */
  readonly clock?: Clock | undefined
  /** Uniform in [0, 1), for the ids of leases. Default `Math.random`. */
  readonly random?: (() => number) | undefined
  readonly logger?: Logger | undefined
}

/** An embedded registry that is listening. */
export interface DevRegistry {
  /** `host:port`, with the port that was taken. */
  readonly address: string
  /** `etcd://host:port`, as the etcd registry and `BECKON_REGISTRY` take it. */
  readonly url: string
  /** The revision of the last change; 1 when nothing was ever written. */
  readonly revision: number
  /** Stops listening and forgets everything. Idempotent. */
  close(): Promise<void>
}

/**
 * Starts a registry that speaks the etcd v3 API (KV, Txn, Lease, Watch, Compact, Status), so that `etcdctl`, go-kit,
 * go-micro and beckon work with it as with etcd 3.4. It is one node, in memory, without users or TLS: for development and
 * tests, never for production. Rejects when the address is taken.
 */
export async function startRegistry(options: DevRegistryOptions = {}): Promise<DevRegistry> {
  const { address = '127.0.0.1:0', clock = systemClock, random = Math.random } = options
  const logger = loggerOf(options.logger)
  const historyLimit = positive('historyLimit', options.historyLimit ?? 100_000)
  const progressInterval = positive('progressInterval', options.progressInterval ?? 600_000)

  const store = memoryStore(historyLimit)
  const leases = leasesOf(store, clock, random, ({ id, keys }) => logger.debug({ lease: id.toString(16), keys }, 'lease expired'))
  const watchers = watchersOf(store)
  const header = () => headerAt(store.revision)
  const routes = routesOf(
    kvService(store, leases, header),
    leaseService(leases, header),
    watchService({ store, watchers, clock, progressInterval }),
    maintenance(header, () => listener.address),
  )
  const listener = await grpc({ server: { minPingInterval: 5000 } }).listen(routes, { address })
  logger.info({ address: listener.address }, 'registry for development is listening')

  return {
    address: listener.address,
    url: `etcd://${listener.address}`,
    get revision() {
      return Number(store.revision)
    },
    async close() {
      leases.close()
      await listener.close()
    },
  }
}

function positive(name: string, value: number): number {
  if (Number.isInteger(value) && value > 0) return value
  throw new RpcError('invalid_argument', `startRegistry: ${name} must be a whole number above 0, got ${value}`)
}
