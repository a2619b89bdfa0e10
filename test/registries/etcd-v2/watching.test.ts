import { describe, expect, it } from 'vitest'
import { until } from '../../support/echo.ts'
import { requireEtcd } from '../../support/etcd.ts'
import { keysOf } from '../../support/etcd-v2.ts'
import { startProxy } from '../../support/proxy.ts'
import { instance, listen, using } from '../etcd/bench.ts'
import { registryAt, start } from './bench.ts'

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))
const record = (id: string) => `{"name":"book","nodes":[{"id":"${id}","address":"127.0.0.1:1"}]}`
const at = (id: string) => `/micro-registry/book/${id}`

describe('a listener of etcd v2', () => {
  it('hears of what comes, changes, expires and is removed with its directory', { timeout: 40_000 }, async (ctx) => {
    requireEtcd(ctx)
    const etcd = await start()
    const keys = keysOf(etcd)
    // A directory removed is a set collapsed, which is believed after a while.
    const listening = listen(registryAt(etcd.address, { grace: 500 }))
    await listening.shows([], 20_000)
    await keys.put(at('a'), record('a'))
    await keys.put(at('b'), record('b'), { ttl: '1' })
    await listening.shows(['a', 'b'], 20_000)
    await listening.shows(['a'], 20_000)
    await keys.put(at('a'), record('a').replace(':1"', ':2"'))
    await until('the change', () => listening.last[0]?.address === '127.0.0.1:2', 20_000)
    await keys.remove('/micro-registry')
    await listening.shows([], 20_000)
    await keys.put(at('c'), record('c'))
    await listening.shows(['c'], 20_000)
    expect(listening.errors).toEqual([])
  })

  it('misses nothing while polls run out one after the other', { timeout: 60_000 }, async (ctx) => {
    requireEtcd(ctx)
    const etcd = await start()
    const keys = keysOf(etcd)
    const registry = registryAt(etcd.address, { keepalive: { interval: 1000 } })
    const listening = listen(registry)
    await listening.shows([], 20_000)
    const ids: string[] = []
    for (const end = performance.now() + 2500; performance.now() < end; ) {
      const id = String(ids.length).padStart(4, '0')
      ids.push(id)
      await keys.put(at(id), record(id))
      await pause(Math.random() * 60)
    }
    await listening.shows(ids, 20_000)
    const revision = registry.state.revision ?? 0
    for (let i = 0; i < 50; i++) await keys.put('/elsewhere', 'x')
    await until('an index of later', () => (registry.state.revision ?? 0) >= revision + 50, 20_000)
    expect(listening.errors).toEqual([])
  })

  it('does not ask in a hot loop while etcd is away, however much it has to ask', { timeout: 60_000 }, async (ctx) => {
    requireEtcd(ctx)
    const etcd = await start()
    const proxy = using(await startProxy(etcd.address))
    const registry = registryAt(proxy.address, { ttl: 3000 })
    const names = Array.from({ length: 20 }, (_, i) => `book${i}`)
    const all = await Promise.all(names.map((service) => registry.register(instance('a', { service }))))
    const listenings = names.map((name) => listen(registry, name))
    for (const listening of listenings) await listening.shows(['a'], 20_000)
    proxy.cut({ refuse: true })
    await until('the loss', () => all.every(({ state }) => state === 'healing'), 20_000)
    const before = proxy.accepted
    const began = performance.now()
    await pause(3000)
    const perSecond = ((proxy.accepted - before) / (performance.now() - began)) * 1000
    expect(perSecond).toBeGreaterThan(1)
    expect(perSecond).toBeLessThan(150)
    proxy.heal()
    await until('the return', () => all.every(({ state }) => state === 'registered'), 20_000)
    await until('the sets', () => registry.state.status === 'connected', 20_000)
    for (const listening of listenings) await listening.shows(['a'], 20_000)
  })
})
