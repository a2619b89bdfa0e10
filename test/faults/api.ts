import type { EtcdClient } from '../../src/etcd/index.ts'
import { type EtcdRegistry, type EtcdRegistryOptions, etcd } from '../../src/registries/etcd.ts'
import { etcdV2 } from '../../src/registries/etcd-v2.ts'
import { type KeysOf, keysOf } from '../support/etcd-v2.ts'

/** One of etcd's two APIs, as registries use it. */
export interface Api {
  /** Arguments of an etcd that has it. */
  readonly args: readonly string[]
  /** Under which the records of services are. */
  readonly root: string
  registry(options: EtcdRegistryOptions): EtcdRegistry
  /** The ids that a service has records of. */
  ids(overseers: Overseers, service: string): Promise<readonly string[]>
  /** How much there is at etcd that must be renewed: leases, or records where there are none. */
  renewed(overseers: Overseers): Promise<number>
  /** As much as that, for two servers in one process. */
  readonly two: number
  /** Connections that a registry needs at most. */
  readonly connections: number
}

/** Who goes to etcd without a proxy, by either API. */
export interface Overseers {
  readonly admin: EtcdClient
  readonly keys: KeysOf
}

export const v3: Api = {
  args: [],
  root: '/micro/registry/',
  registry: etcd,
  async ids({ admin }, service) {
    const prefix = `${v3.root}${service}/`
    return (await admin.range({ prefix })).kvs.map(({ keyText }) => keyText.slice(prefix.length))
  },
  renewed: async ({ admin }) => (await admin.leases()).length,
  two: 1,
  connections: 1,
}

export const v2: Api = {
  args: ['--enable-v2=true'],
  root: '/micro-registry/',
  registry: ({ ttl, heartbeat, timeout, grace, shrink, unreachable, keepalive, endpoints, logger }) =>
    etcdV2({ ttl, heartbeat, timeout, grace, shrink, unreachable, keepalive, endpoints, logger }),
  ids: ({ keys }, service) => keys.ids(`${v2.root}${service}`),
  renewed: async ({ keys }) => (await keys.ids(v2.root)).length,
  two: 2,
  // One for each hanging request, the rest for those in passing.
  connections: 6,
}

/** The former API's overseer, by way of whichever member answers. */
export function keysAt(addresses: readonly string[], used: () => void): KeysOf {
  let at = 0
  return keysOf({
    get address() {
      used()
      return addresses[at++ % addresses.length] ?? ''
    },
  })
}
