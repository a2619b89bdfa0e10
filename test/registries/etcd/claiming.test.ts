import { describe, expect, it } from 'vitest'
import { failure } from '../../support/context.ts'
import { until } from '../../support/echo.ts'
import { requireEtcd, startEtcd } from '../../support/etcd.ts'
import { instance, recordLog, registryAt, statesOf, using } from './bench.ts'

const key = '/micro/registry/book/a'

describe('an id that another process has', () => {
  it('is refused to the later one while the earlier is alive, and its record is left alone', async (ctx) => {
    requireEtcd(ctx)
    const etcd = using(await startEtcd())
    const registration = await registryAt(etcd.address, { ttl: 3000 }).register(instance('a', { address: '127.0.0.1:1' }))
    const states = statesOf(registration)
    const before = await etcd.etcdctl('get', key, '-w', 'json')
    const error = await failure(registryAt(etcd.address).register(instance('a', { address: '127.0.0.1:2' })))
    expect(error.message).toBe(
      `already_exists: etcd at ${etcd.address}: a of "book" is registered by 127.0.0.1:1, which is alive; ids must be unique`,
    )
    const kvs = (text: string) => JSON.stringify(JSON.parse(text).kvs)
    expect(kvs(await etcd.etcdctl('get', key, '-w', 'json'))).toBe(kvs(before))
    expect(states).toEqual([])
    await until('the lease of the refused to be gone', async () => (await etcd.etcdctl('lease', 'list')).includes('found 1 leases'))
  })

  it('is refused to it alone, however many others register at the same time', async (ctx) => {
    requireEtcd(ctx)
    const etcd = using(await startEtcd())
    await registryAt(etcd.address, { ttl: 3000 }).register(instance('i7', { address: '127.0.0.1:1' }))
    const registry = registryAt(etcd.address)
    const ids = Array.from({ length: 200 }, (_, i) => `i${i}`)
    const all = await Promise.allSettled(ids.map((id) => registry.register(instance(id, { address: '127.0.0.1:2' }))))
    expect(ids.filter((_, i) => all[i]?.status === 'rejected')).toEqual(['i7'])
    expect(all[7]).toMatchObject({ reason: { code: 'already_exists' } })
    expect((await etcd.etcdctl('get', '--prefix', '/micro/registry/book/', '--keys-only')).match(/book/g)).toHaveLength(200)
  })

  it('is waited for with one question at a time, however many ids the dead process had', async (ctx) => {
    requireEtcd(ctx)
    const etcd = using(await startEtcd())
    const lease = /lease ([0-9a-f]+)/.exec(await etcd.etcdctl('lease', 'grant', '5'))?.[1] ?? ''
    const ids = Array.from({ length: 20 }, (_, i) => `i${i}`)
    for (const id of ids)
      await etcd.etcdctl('put', '--lease', lease, `/micro/registry/book/${id}`, `{"name":"book","nodes":[{"id":"${id}","address":"h:1"}]}`)
    const registry = registryAt(etcd.address)
    const all = await Promise.all(ids.map((id) => registry.register(instance(id, { address: '127.0.0.1:2' }))))
    expect(all.every(({ state }) => state === 'registered')).toBe(true)
    const metrics = await (await fetch(`http://${etcd.address}/metrics`)).text()
    expect(Number(/grpc_server_msg_received_total\{grpc_method="LeaseTimeToLive",.*\} (\d+)/.exec(metrics)?.[1])).toBeLessThan(25)
  })

  it('is had by the later one when the earlier turns out to be dead', async (ctx) => {
    requireEtcd(ctx)
    const etcd = using(await startEtcd())
    const lease = /lease ([0-9a-f]+)/.exec(await etcd.etcdctl('lease', 'grant', '3'))?.[1] ?? ''
    await etcd.etcdctl('put', '--lease', lease, key, '{"name":"book","nodes":[{"id":"a","address":"127.0.0.1:1"}]}')
    const registration = await registryAt(etcd.address).register(instance('a', { address: '127.0.0.1:2' }))
    expect(registration.state).toBe('registered')
    expect(await etcd.etcdctl('get', key)).toContain('127.0.0.1:2')
  })

  it('is had at once by who listens where the record says: a process that was started again', async (ctx) => {
    requireEtcd(ctx)
    const etcd = using(await startEtcd())
    const lease = /lease ([0-9a-f]+)/.exec(await etcd.etcdctl('lease', 'grant', '60'))?.[1] ?? ''
    await etcd.etcdctl('put', '--lease', lease, key, '{"name":"book","nodes":[{"id":"a","address":"127.0.0.1:1"}]}')
    const registration = await registryAt(etcd.address).register(instance('a', { address: '127.0.0.1:1', version: '2' }))
    expect(registration.state).toBe('registered')
    await etcd.etcdctl('lease', 'revoke', lease)
    expect(await etcd.etcdctl('get', key)).toContain('"version":"2"')
  })

  it('is not taken back from who came while its owner was away, and had again when that one leaves', { timeout: 40_000 }, async (ctx) => {
    requireEtcd(ctx)
    const etcd = using(await startEtcd())
    const { lines, logger } = recordLog()
    const registration = await registryAt(etcd.address, { ttl: 2000, logger }).register(instance('a', { address: '127.0.0.1:1' }))
    const states = statesOf(registration)
    const lease = /lease ([0-9a-f]+)/.exec(await etcd.etcdctl('lease', 'grant', '60'))?.[1] ?? ''
    // In one revision, so that there is no moment in which the owner could be first.
    const other = `{"name":"book","nodes":[{"id":"a","address":"127.0.0.1:2"}]}`
    await etcd.kill()
    await until('the loss', () => registration.state === 'healing')
    await etcd.restart()
    await etcd.etcdctl('put', '--lease', lease, key, other)
    await until('the way back or the end of it', () => registration.state !== 'healing')
    // Whoever was first after the restart: the record tells of one, whole, and both know.
    const has = await etcd.etcdctl('get', key)
    if (registration.state === 'lost') {
      expect(has).toContain('127.0.0.1:2')
      expect(states.at(-1)?.[1]).toContain('is registered by 127.0.0.1:2, which is alive')
      expect(lines.filter((line) => line.startsWith('error'))).toHaveLength(1)
      await etcd.etcdctl('lease', 'revoke', lease)
    }
    await until('the return', () => registration.state === 'registered')
  })
})
