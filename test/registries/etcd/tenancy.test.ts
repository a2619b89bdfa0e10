import { describe, expect, it } from 'vitest'
import { etcdClient } from '../../../src/etcd/index.ts'
import { until } from '../../support/echo.ts'
import { requireEtcd, startEtcd } from '../../support/etcd.ts'
import { startProxy } from '../../support/proxy.ts'
import { instance, listen, recordLog, registryAt, statesOf, using } from './bench.ts'

const ids = Array.from({ length: 200 }, (_, i) => `i${String(i).padStart(3, '0')}`)
const patience = 30_000

async function start() {
  const etcd = using(await startEtcd())
  const client = etcdClient({ endpoints: [etcd.address] })
  const admin = using({ ...client, [Symbol.asyncDispose]: () => client.close() })
  const count = async () => (await admin.range({ prefix: '/micro/', countOnly: true })).count
  const keepAlives = async () => {
    const metrics = await (await fetch(`http://${etcd.address}/metrics`)).text()
    return Number(/^grpc_server_msg_received_total\{grpc_method="LeaseKeepAlive",.*\} (\d+)$/m.exec(metrics)?.[1] ?? 0)
  }
  return { etcd, admin, count, keepAlives }
}

describe('the instances of a registry', () => {
  it('share a lease, which is renewed once each heartbeat, and come back together when it is lost', { timeout: 90_000 }, async (ctx) => {
    requireEtcd(ctx)
    const { etcd, admin, count, keepAlives } = await start()
    const registry = registryAt(etcd.address, { ttl: 10_000, heartbeat: 1000 })
    const all = await Promise.all(ids.map((id) => registry.register(instance(id))))
    const listening = listen(registryAt(etcd.address))
    await listening.shows(ids, patience)
    const [lease, ...others] = await admin.leases()
    expect(others).toEqual([])
    const [before, began] = [await keepAlives(), performance.now()]
    await new Promise((resolve) => setTimeout(resolve, 3000))
    const beats = (await keepAlives()) - before
    expect(beats).toBeGreaterThan(0)
    expect(beats).toBeLessThanOrEqual((performance.now() - began) / 1000 + 1)
    const states = all.map(statesOf)
    await admin.revoke(lease ?? 0n)
    await until('all back', () => states.every((one) => one.at(-1)?.[0] === 'registered'), patience)
    for (const one of states) expect(one.map(([state]) => state)).toEqual(['healing', 'registered'])
    expect(await count()).toBe(ids.length)
    expect(await admin.leases()).toHaveLength(1)
    await listening.shows(ids, patience)
  })

  it('leave one by one without harm to the others, and the last with the lease', async (ctx) => {
    requireEtcd(ctx)
    const { etcd, admin } = await start()
    const registry = registryAt(etcd.address)
    const [a, b, c] = await Promise.all(['a', 'b', 'c'].map((id) => registry.register(instance(id))))
    const states = b === undefined ? [] : statesOf(b)
    const listening = listen(registryAt(etcd.address))
    await listening.shows(['a', 'b', 'c'], patience)
    await Promise.all([a?.deregister(), c?.deregister()])
    await listening.shows(['b'], patience)
    expect(await admin.leases()).toHaveLength(1)
    expect([b?.state, states]).toEqual(['registered', []])
    await b?.deregister()
    await listening.shows([], patience)
    expect(await admin.leases()).toEqual([])
    await registry.register(instance('d'))
    await listening.shows(['d'], patience)
  })

  it('are gone with the lease when the registry is closed', async (ctx) => {
    requireEtcd(ctx)
    const { etcd, admin, count } = await start()
    const registry = registryAt(etcd.address)
    await Promise.all(ids.map((id) => registry.register(instance(id))))
    const { revision } = await admin.range({ prefix: 'x' })
    await registry.close()
    expect([await count(), await admin.leases()]).toEqual([0, []])
    // At once, and not one after the other.
    expect((await admin.range({ prefix: 'x' })).revision).toBe(revision + 1)
  })

  it('may be registered again while they are being removed', async (ctx) => {
    requireEtcd(ctx)
    const { etcd } = await start()
    const registry = registryAt(etcd.address)
    await registry.register(instance('other'))
    let a = await registry.register(instance('a'))
    for (let i = 0; i < 20; i++) {
      const leaving = a.deregister()
      a = await registry.register(instance('a', { version: String(i) }))
      const states = statesOf(a)
      await leaving
      expect([a.state, states]).toEqual(['registered', []])
    }
    const listening = listen(registry)
    await listening.shows(['a', 'other'], patience)
    expect(listening.last[0]?.version).toBe('19')
  })

  it('are removed as soon as etcd can be reached, if it could not when they left', { timeout: 90_000 }, async (ctx) => {
    requireEtcd(ctx)
    const { etcd, count } = await start()
    const proxy = using(await startProxy(etcd.address))
    const { lines, logger } = recordLog()
    const registry = registryAt(proxy.address, { ttl: 60_000, timeout: 500, logger })
    const [a, b] = await Promise.all(['a', 'b'].map((id) => registry.register(instance(id))))
    proxy.cut({ refuse: true })
    await a?.deregister()
    expect(await count()).toBe(2)
    expect(lines.filter((line) => line.startsWith('warn a could not be removed yet'))).toHaveLength(1)
    proxy.heal()
    await until('its removal', async () => (await count()) === 1, patience)
    expect(b?.state).toBe('registered')
  })

  it('are removed with their lease, too, if that could not be revoked when the last of them left', { timeout: 90_000 }, async (ctx) => {
    requireEtcd(ctx)
    const { etcd, admin, count } = await start()
    const proxy = using(await startProxy(etcd.address))
    const registry = registryAt(proxy.address, { ttl: 60_000, timeout: 500 })
    const only = await registry.register(instance('a'))
    proxy.cut({ refuse: true })
    await only.deregister()
    expect(await count()).toBe(1)
    proxy.heal()
    await until('its removal', async () => (await count()) === 0, patience)
    expect(await admin.leases()).toEqual([])
  })

  it('try again together while etcd is out of reach, as often as one of them would', { timeout: 90_000 }, async (ctx) => {
    requireEtcd(ctx)
    const { etcd } = await start()
    const proxy = using(await startProxy(etcd.address))
    const registry = registryAt(proxy.address, { ttl: 2000 })
    const all = await Promise.all(ids.map((id) => registry.register(instance(id))))
    proxy.cut({ refuse: true })
    await until('their loss', () => all.every(({ state }) => state === 'healing'), patience)
    const [before, began] = [proxy.accepted, performance.now()]
    await new Promise((resolve) => setTimeout(resolve, 3000))
    // One that waits for up to a second at a time dials four times a second; there are two streams, too.
    expect((proxy.accepted - before) / (performance.now() - began)).toBeLessThan(20 / 1000)
    proxy.heal()
    await until('their return', () => all.every(({ state }) => state === 'registered'), patience)
  })
})
