import type { EtcdClient, Lease } from '../../etcd/index.ts'

/** The lease that all registrations of a registry share: one to renew, however many they are. */
export interface Tenancy {
  /** One more registration. Resolves when what a former one of this name has left behind is removed. */
  enter(name: string): Promise<void>
  /** One less; `removal` settles when its records are gone, and begins later than now: {@link clear} may do for many at once. */
  leave(name: string, removal: Promise<unknown>): void
  has(name: string): boolean
  /** The lease that is held; else a new one, the same for all who ask meanwhile. */
  lease(): Promise<Lease>
  /** etcd does not have this lease; who asks next gets another. */
  disown(lease: Lease): void
  /** Revokes the lease, with all that was written under it, if nobody is left; tells whether nobody is. */
  clear(): Promise<boolean>
}

/** A tenancy whose leases last `ttl` milliseconds and are renewed every `heartbeat`. */
export function createTenancy(client: EtcdClient, ttl: number, heartbeat: number): Tenancy {
  const tenants = new Set<string>()
  const removals = new Map<string, Promise<unknown>>()
  let granting: Promise<Lease> | undefined
  let held: Lease | undefined
  let clearing: Promise<void> | undefined

  async function grant(): Promise<Lease> {
    try {
      held = await client.grant(ttl, { heartbeat })
      return held
    } finally {
      granting = undefined
    }
  }

  return {
    async enter(name) {
      tenants.add(name)
      await removals.get(name)
    },
    leave(name, removal) {
      tenants.delete(name)
      const settled = removal
        .catch(() => {})
        .then(() => {
          if (removals.get(name) === settled) removals.delete(name)
        })
      removals.set(name, settled)
    },
    has: (name) => tenants.has(name),
    async lease() {
      if (held?.state === 'held') return held
      granting ??= grant()
      return granting
    },
    disown(lease) {
      if (held === lease) held = undefined
    },
    async clear() {
      if (tenants.size > 0) return false
      if (held !== undefined) {
        const lease = held
        held = undefined
        clearing = lease
          .revoke()
          .catch((error) => {
            // For who tries again.
            held ??= lease
            throw error
          })
          .finally(() => {
            clearing = undefined
          })
      }
      await clearing
      return true
    },
  }
}
