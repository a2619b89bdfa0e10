import type { Clock } from '../clock.ts'
import { fault } from './faults.ts'
import { point } from './span.ts'
import type { Store } from './store.ts'

/** A promise of its holder to be alive; its keys go when it is broken. */
export interface Lease {
  readonly id: bigint
  /** Seconds, as granted. */
  readonly ttl: bigint
  /** Seconds left, rounded down. */
  readonly remaining: bigint
  /** Keys attached to it, in order. */
  readonly keys: readonly string[]
}

/** The leases of a store. */
export interface Leases {
  has(id: bigint): boolean
  get(id: bigint): Lease | undefined
  /** The ids, soonest to expire first. */
  ids(): readonly bigint[]
  /**
   * Grants a lease of `ttl` seconds, at least 1; an id of 0 picks one. Unlike etcd, which raises short ones to one and a half
   * election timeouts (2 s by default), it is granted as asked. Throws `failed_precondition` when the id is taken.
   */
  grant(id: bigint, ttl: bigint): Lease
  /** Begins the lease's time anew. */
  renew(id: bigint): Lease | undefined
  /** Ends a lease and deletes its keys, in one revision. Throws `not_found`. */
  revoke(id: bigint): void
  /** Stops the timers. */
  close(): void
}

interface Held {
  readonly lease: Lease
  readonly keys: Set<string>
  expires: number
  stop: () => void
}

/** etcd's limit, in seconds. */
const maxTtl = 9_000_000_000n

/** Keeps the leases of a store, and deletes the keys of those that expire. `random` makes their ids. */
export function leasesOf(store: Store, clock: Clock, random: () => number, expired: (lease: Lease) => void): Leases {
  const held = new Map<bigint, Held>()

  const holders = new Map<string, Held>()

  store.onCommit((_, changes) => {
    for (const { key, kv } of changes) {
      const before = holders.get(key)
      const now = held.get(kv.lease)
      if (before === now) continue
      before?.keys.delete(key)
      now?.keys.add(key)
      if (now === undefined) holders.delete(key)
      else holders.set(key, now)
    }
  })

  function freeId(): bigint {
    for (;;) {
      const id = (BigInt(Math.floor(random() * 2 ** 31)) << 32n) | BigInt(Math.floor(random() * 2 ** 32))
      if (id !== 0n && !held.has(id)) return id
    }
  }

  /** One timer per lease, which looks again when it finds that the lease was renewed: renewing costs nothing. */
  function watchOver(one: Held): void {
    const left = one.expires - clock.now()
    if (left > 0) one.stop = clock.after(left, () => watchOver(one))
    else {
      expired(one.lease)
      revoke(one.lease.id)
    }
  }

  function revoke(id: bigint): void {
    const one = held.get(id)
    if (one === undefined) throw fault('leaseNotFound')
    const { keys } = one.lease
    one.stop()
    held.delete(id)
    store.write((draft) => {
      for (const key of keys) draft.delete(point(key))
    })
  }

  return {
    has: (id) => held.has(id),
    get: (id) => held.get(id)?.lease,
    ids: () => [...held.values()].sort((a, b) => a.expires - b.expires).map(({ lease }) => lease.id),
    grant(asked, seconds) {
      if (seconds > maxTtl) throw fault('leaseTtlTooLarge')
      if (held.has(asked)) throw fault('leaseExists')
      const ttl = seconds < 1n ? 1n : seconds
      const keys = new Set<string>()
      const lease: Lease = {
        id: asked === 0n ? freeId() : asked,
        ttl,
        get remaining() {
          return BigInt(Math.max(0, Math.floor((one.expires - clock.now()) / 1000)))
        },
        get keys() {
          return [...keys].sort()
        },
      }
      const one: Held = { lease, keys, expires: clock.now() + Number(ttl) * 1000, stop: () => {} }
      held.set(lease.id, one)
      watchOver(one)
      return lease
    },
    renew(id) {
      const one = held.get(id)
      if (one !== undefined) one.expires = clock.now() + Number(one.lease.ttl) * 1000
      return one?.lease
    },
    revoke,
    close() {
      for (const { stop } of held.values()) stop()
    },
  }
}
