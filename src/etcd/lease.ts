import { checkNumber } from '../check.ts'
import { RpcError } from '../error.ts'
import { Lease as LeaseService } from '../gen/etcd/rpc_pb.ts'
import type { Caller, CallOptions } from './caller.ts'
import type { KeepAlive, Kept } from './keepalive.ts'

/** `held` until it is revoked by its holder (`revoked`), or has or must be assumed to have expired (`lost`); both are final. */
export type LeaseState = 'held' | 'lost' | 'revoked'

/** A lease that is kept alive until it is revoked: what is put with it vanishes with it. */
export interface Lease {
  readonly id: bigint
  /** Time to live as etcd granted it, in milliseconds; etcd raises what is too short for it. */
  readonly ttl: number
  readonly state: LeaseState
  /** For how long it certainly lives on, in milliseconds; 0 when that is not certain (after a pause of the process, say). */
  readonly remaining: number
  /** Called once, when the lease is lost; at TTL after the last keep-alive that was answered, not later. Returns how to stop. */
  onLost(listener: (error: RpcError) => void): () => void
  /** Removes it and everything put with it. Resolves too when etcd does not have it any more. */
  revoke(options?: CallOptions): Promise<void>
}

/** What a lease may be granted with. */
export interface GrantOptions extends CallOptions {
  /** How often it is renewed, in milliseconds, from 100 to the TTL. Default: a third of the TTL as granted. */
  readonly heartbeat?: number | undefined
  /** Its id, unique in the store. Default: etcd chooses. */
  readonly id?: bigint | undefined
}

/** What etcd knows about a lease. */
export interface LeaseStatus {
  /** What remains of it in milliseconds; -1000 when there is no such lease. */
  readonly remaining: number
  /** As granted, in milliseconds. */
  readonly ttl: number
  /** Keys put with it; empty unless asked for. */
  readonly keys: readonly Uint8Array[]
}

/** Leases: the part of the client for what must not outlive its maker. */
export interface Leases {
  /** Grants a lease of `ttl` milliseconds (at least 1000, rounded up to seconds) and keeps it alive over the client's one stream. */
  grant(ttl: number, options?: GrantOptions): Promise<Lease>
  timeToLive(id: bigint, options?: CallOptions & { readonly keys?: boolean }): Promise<LeaseStatus>
  /** Revokes a lease by its id. Throws `not_found` when there is none. */
  revoke(id: bigint, options?: CallOptions): Promise<void>
  /** Ids of all leases there are. */
  leases(options?: CallOptions): Promise<readonly bigint[]>
}

/** The leases of a client. */
export function createLeases(caller: Caller, keepAlive: KeepAlive): Leases {
  const { leaseGrant, leaseRevoke, leaseTimeToLive, leaseLeases } = LeaseService.method

  async function revoke(id: bigint, options?: CallOptions): Promise<void> {
    await caller.unary(leaseRevoke, { ID: id }, { ...options, repeatable: true })
  }

  return {
    async grant(ttl, { heartbeat, id = 0n, ...options } = {}) {
      checkNumber('grant: ttl (ms)', ttl, { min: 1000, max: 9e12 })
      if (heartbeat !== undefined) checkNumber('grant: heartbeat (ms)', heartbeat, { min: 100, max: ttl })
      const sentAt = caller.clock.now()
      // A second grant with an id of its own would fail; without one it leaves a lease that nobody uses and that expires.
      const answer = await caller.unary(leaseGrant, { TTL: BigInt(Math.ceil(ttl / 1000)), ID: id }, { ...options, repeatable: id === 0n })
      if (answer.error !== '') throw new RpcError('unknown', `${caller.link.name}: ${answer.error}`, { outbound: true })
      const granted = Number(answer.TTL) * 1000
      return hold({ id: answer.ID, ttl: granted, heartbeat: heartbeat ?? granted / 3, deadline: sentAt + granted })
    },
    async timeToLive(id, { keys = false, ...options } = {}) {
      const answer = await caller.unary(leaseTimeToLive, { ID: id, keys }, { ...options, repeatable: true })
      return { remaining: Number(answer.TTL) * 1000, ttl: Number(answer.grantedTTL) * 1000, keys: answer.keys }
    },
    revoke,
    async leases(options) {
      const answer = await caller.unary(leaseLeases, {}, { ...options, repeatable: true })
      return answer.leases.map(({ ID }) => ID)
    },
  }

  function hold(granted: Omit<Kept, 'lose'>): Lease {
    const listeners = new Set<(error: RpcError) => void>()
    let state: LeaseState = 'held'
    let lost: RpcError | undefined
    const kept: Kept = {
      ...granted,
      lose(error) {
        state = 'lost'
        lost = error
        for (const listener of [...listeners]) {
          try {
            listener(error)
          } catch (thrown) {
            caller.logger.error({ err: thrown }, `${caller.link.name}: a listener to the loss of a lease threw`)
          }
        }
      },
    }
    keepAlive.add(kept)
    return {
      id: kept.id,
      ttl: kept.ttl,
      get state() {
        return state
      },
      get remaining() {
        return state === 'held' ? Math.max(0, kept.deadline - caller.clock.now()) : 0
      },
      onLost(listener) {
        const once = (error: RpcError): void => {
          if (listeners.delete(once)) listener(error)
        }
        listeners.add(once)
        const error = lost
        if (error !== undefined) queueMicrotask(() => once(error))
        return () => void listeners.delete(once)
      },
      async revoke(options) {
        if (state === 'held') state = 'revoked'
        keepAlive.remove(kept)
        await revoke(kept.id, options).catch((error: RpcError) => {
          if (error.code !== 'not_found') throw error
        })
      },
    }
  }
}
