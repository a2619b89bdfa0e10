import { describe, expect, it } from 'vitest'
import { RpcError } from '../../src/error.ts'
import { etcdClient } from '../../src/etcd/index.ts'
import type { Kept } from '../../src/etcd/keepalive.ts'
import { createKeepAliveThread } from '../../src/etcd/keepalive-thread.ts'
import { silent } from '../../src/logger.ts'
import { until } from '../support/echo.ts'
import { requireEtcd, startEtcd } from '../support/etcd.ts'

// From the sources the thread can only be started by a Node that runs TypeScript; on others this is about what takes over.
// With a thread, as installed: test/faults/process.fault.ts.
describe('a client that is to renew leases in a thread', () => {
  it('keeps them past their TTL, whether the thread can be had or not, and loses each once', async (ctx) => {
    requireEtcd(ctx)
    await using etcd = await startEtcd()
    const client = etcdClient({ endpoints: [etcd.address], keepaliveThread: true })
    const [lease, other] = [await client.grant(3000), await client.grant(3000)]
    const lost: string[] = []
    lease.onLost(({ message }) => lost.push(message))
    await new Promise((resolve) => setTimeout(resolve, 7000))
    expect([lease.state, other.state, lost]).toEqual(['held', 'held', []])
    expect(lease.remaining).toBeGreaterThan(0)
    await other.revoke()
    await client.revoke(lease.id)
    await until('the loss', () => lost.length > 0)
    expect(lost).toHaveLength(1)
    expect([lease.state, other.state]).toEqual(['lost', 'revoked'])
    expect(await client.leases()).toEqual([])
    await client.close()
  })

  it('renews them without it until it has begun: a busy machine may take longer than the TTL to start a thread', () => {
    const renewed = new Map<bigint, Kept>()
    const fallback = { add: (lease: Kept) => void renewed.set(lease.id, lease), remove: ({ id }: Kept) => void renewed.delete(id) }
    const thread = createKeepAliveThread({ endpoints: ['127.0.0.1:1'] }, fallback, silent)
    const lost: string[] = []
    const lease = (id: bigint): Kept => ({
      ...{ id, ttl: 3000, heartbeat: 1000, deadline: performance.now() + 3000 },
      lose: ({ message }) => lost.push(message),
    })
    const [one, other] = [lease(1n), lease(2n)]
    thread.add(one)
    thread.add(other)
    expect([...renewed.keys()]).toEqual([1n, 2n])
    thread.remove(one)
    expect([...renewed.keys()]).toEqual([2n])
    const early = renewed.get(2n) as Kept
    early.deadline += 1000
    expect(early.deadline).toBe(other.deadline)
    early.lose(new RpcError('not_found', 'gone'))
    expect(lost).toEqual(['not_found: gone'])
    thread.stop()
  })
})
