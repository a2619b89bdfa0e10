import type { EtcdClient } from '../../etcd/index.ts'

/** Finds out whether the holders of leases are alive. */
export interface Renewals {
  /** Whether somebody renews a lease; resolves when that is seen, or when the lease is gone, so within its time to live. */
  seen(lease: bigint): Promise<boolean>
}

/** However many ask about a lease, etcd is asked once at a time. */
export function createRenewals(client: Pick<EtcdClient, 'timeToLive' | 'pause'>): Renewals {
  const asked = new Map<bigint, Promise<boolean>>()
  return {
    seen(lease) {
      const answer = asked.get(lease) ?? isRenewed(client, lease).finally(() => asked.delete(lease))
      asked.set(lease, answer)
      return answer
    },
  }
}

async function isRenewed(client: Pick<EtcdClient, 'timeToLive' | 'pause'>, lease: bigint): Promise<boolean> {
  const began = performance.now()
  const first = (await client.timeToLive(lease)).remaining
  for (let remaining = first; remaining >= 0; ) {
    await client.pause(500)
    const elapsed = performance.now() - began
    remaining = (await client.timeToLive(lease)).remaining
    // etcd tells whole seconds, and 0 for a while after the end.
    if (remaining > Math.max(0, first - elapsed + 1000)) return true
  }
  return false
}
