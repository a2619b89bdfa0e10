import { createKeepAlive } from './keepalive.ts'
import { createKeepAliveThread } from './keepalive-thread.ts'
import { createKv, type Kv } from './kv.ts'
import { createLeases, type Leases } from './lease.ts'
import { createMaintenance, type Maintenance } from './maintenance.ts'
import { type EtcdOptions, reachEtcd } from './reach.ts'
import { createTransactions, type Transactions } from './txn.ts'
import { createWatches, type Watches } from './watch.ts'

/** An etcd v3 client. Calls reject with an RpcError that names the endpoints. */
export interface EtcdClient extends Kv, Transactions, Leases, Watches, Maintenance {
  /** For messages: `etcd at 127.0.0.1:2379`. */
  readonly name: string
  /** What a call gets when it asks for nothing else, in milliseconds. */
  readonly timeout: number
  /** For who tries again: resolves after `ms` milliseconds or as soon as etcd can be reached again, when it is this client's turn (`spread`). */
  pause(ms: number): Promise<void>
  /** Ends watches, keep-alives and the connection; leases run out. Calls reject with `canceled` afterwards. Idempotent. */
  close(): Promise<void>
}

/** A client that connects when it is first used. Throws `invalid_argument` naming the option. */
export function etcdClient(options: EtcdOptions = {}): EtcdClient {
  const caller = reachEtcd(options)
  const { link, timeout } = caller
  const keepAlive = createKeepAlive(caller)
  const thread = options.keepaliveThread ? createKeepAliveThread(options, keepAlive, caller.logger) : undefined
  return {
    ...createKv(caller),
    ...createTransactions(caller),
    ...createLeases(caller, thread ?? keepAlive),
    ...createWatches(caller),
    ...createMaintenance(caller),
    name: link.name,
    timeout,
    async pause(ms) {
      await link.pause(ms)
      await link.turn().catch(() => {})
    },
    async close() {
      thread?.stop()
      await link.close()
    },
  }
}
