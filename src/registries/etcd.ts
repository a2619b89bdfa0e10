import { checkNumber } from '../check.ts'
import { RpcError } from '../error.ts'
import { type EtcdClient, type EtcdOptions, etcdClient } from '../etcd/index.ts'
import { createBatches } from './etcd/batches.ts'
import { goMicro } from './etcd/layouts/go-micro.ts'
import { createLookout } from './etcd/lookout.ts'
import { type RecordOptions, settings } from './etcd/options.ts'
import { createRecess } from './etcd/recess.ts'
import { createRegistration } from './etcd/registration.ts'
import { createRegistry, type EtcdRegistry } from './etcd/registry.ts'
import { createRenewals } from './etcd/renewals.ts'
import { createTenancy } from './etcd/tenancy.ts'

export type { EtcdRegistryState } from './etcd/freshness.ts'
export type { Layout } from './etcd/layout.ts'
export { type EtcdNamingOptions, etcdNaming } from './etcd/layouts/etcd-naming.ts'
export { type GoKitOptions, goKit } from './etcd/layouts/go-kit.ts'
export { type GoMicroOptions, goMicro } from './etcd/layouts/go-micro.ts'
export { type GoZeroOptions, goZero } from './etcd/layouts/go-zero.ts'
export { type KitexOptions, kitex } from './etcd/layouts/kitex.ts'
export { type KratosOptions, kratos } from './etcd/layouts/kratos.ts'
export { type RpcxOptions, rpcx } from './etcd/layouts/rpcx.ts'
export type { EtcdRegistry } from './etcd/registry.ts'

/** How to use etcd as a registry; without `client`, also how to reach it. */
export interface EtcdRegistryOptions extends EtcdOptions, RecordOptions {
  /** A client to share, in place of the options for reaching etcd; closing the registry does not close it. Its own `spread` says when it has its turn. */
  readonly client?: EtcdClient | undefined
  /** How many records are asked for at a time when a set is read, at least 1. Default: as many as make about 2 MB, 1000 at first. */
  readonly page?: number | undefined
}

/** Services registered in etcd. Connects when it is first used. Throws `invalid_argument` naming the option. */
export function etcd(options: EtcdRegistryOptions = {}): EtcdRegistry {
  const set = settings('etcd registry', options, goMicro)
  const surplus = (['endpoints', 'tls', 'username', 'password'] as const).filter((name) => options[name] !== undefined)
  if (options.client !== undefined && surplus.length > 0)
    throw new RpcError('invalid_argument', `etcd registry: a client comes with its own ${surplus.join(', ')}: give either`)
  const client = options.client ?? etcdClient({ ...options, spread: set.spread / 2 })
  const page =
    options.page === undefined ? undefined : checkNumber('etcd registry: page (records)', options.page, { min: 1, integer: true })
  const shared = {
    client,
    tenancy: createTenancy(client, set.ttl, set.heartbeat),
    batches: createBatches(client),
    renewals: createRenewals(client),
    recess: createRecess(client),
    lookout: createLookout(client),
  }
  return createRegistry({
    ...set,
    store: { ...client, pages: (range) => client.pages({ ...range, limit: page }) },
    timeout: client.timeout,
    begin: (instance, ties) => createRegistration(instance, { ...set, ...shared, ...ties }),
    async close() {
      if (options.client === undefined) await client.close()
    },
  })
}
