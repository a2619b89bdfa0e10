import { Lease, type LeaseKeepAliveRequest } from '../gen/etcd/rpc_pb.ts'
import type { Route } from '../transport.ts'
import type { Header } from './header.ts'
import type { Leases } from './leases.ts'
import { implement } from './routes.ts'
import { keyBytes } from './span.ts'

/** etcd's Lease service. Keeping an unknown lease alive is answered with a TTL of 0, asking how long it has with −1. */
export function leaseService(leases: Leases, header: () => Header): readonly Route[] {
  return implement(Lease, {
    async leaseGrant({ ID, TTL }) {
      const { id, ttl } = leases.grant(ID, TTL)
      return { header: header(), ID: id, TTL: ttl }
    },
    async leaseRevoke({ ID }) {
      leases.revoke(ID)
      return { header: header() }
    },
    async leaseKeepAlive(requests) {
      return keepAlive(requests)
    },
    async leaseTimeToLive({ ID, keys }) {
      const lease = leases.get(ID)
      if (lease === undefined) return { header: header(), ID, TTL: -1n }
      const attached = keys ? lease.keys.map(keyBytes) : []
      return { header: header(), ID, TTL: lease.remaining, grantedTTL: lease.ttl, keys: attached }
    },
    async leaseLeases() {
      return { header: header(), leases: leases.ids().map((ID) => ({ ID })) }
    },
  })

  async function* keepAlive(requests: AsyncIterable<LeaseKeepAliveRequest>): AsyncGenerator<{ header: Header; ID: bigint; TTL: bigint }> {
    for await (const { ID } of requests) yield { header: header(), ID, TTL: leases.renew(ID)?.ttl ?? 0n }
  }
}
