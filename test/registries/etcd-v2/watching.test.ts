import { describe, expect, it } from 'vitest'
import { until } from '../../support/echo.ts'
import { requireEtcd, startCluster } from '../../support/etcd.ts'
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

  it('lists again when more has happened than etcd remembers', { timeout: 60_000 }, async (ctx) => {
    requireEtcd(ctx)
    const etcd = await start()
    const keys = keysOf(etcd)
    const proxy = using(await startProxy(etcd.address))
    for (const id of ['a', 'b', 'c']) await keys.put(at(id), record(id))
    // Silent for longer than the test lasts, so that the watch is asked for from where it stands.
    const registry = registryAt(proxy.address, { keepalive: { interval: 100_000 } })
    const listening = listen(registry)
    await listening.shows(['a', 'b', 'c'], 20_000)
    proxy.cut({ refuse: true })
    await until('the break', () => registry.state.status === 'stale', 20_000)
    await keys.remove(at('a'))
    for (let i = 0; i < 1100; i += 100) await Promise.all(Array.from({ length: 100 }, () => keys.put('/elsewhere', 'x')))
    await keys.put(at('d'), record('d'))
    const cleared = await fetch(`http://${etcd.address}/v2/keys${at('a')}?wait=true&waitIndex=1`)
    expect(await cleared.json()).toMatchObject({ errorCode: 401 })
    proxy.heal()
    await listening.shows(['b', 'c', 'd'], 20_000)
    await keys.put(at('e'), record('e'))
    await listening.shows(['b', 'c', 'd', 'e'], 20_000)
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

  it('notices that the network swallows everything, and is right afterwards', { timeout: 60_000 }, async (ctx) => {
    requireEtcd(ctx)
    const etcd = await start()
    const keys = keysOf(etcd)
    const proxy = using(await startProxy(etcd.address))
    await keys.put(at('a'), record('a'))
    const registry = registryAt(proxy.address, { keepalive: { interval: 1000, timeout: 1000 } })
    const listening = listen(registry)
    await listening.shows(['a'], 20_000)
    proxy.blackHole()
    await until('the break', () => registry.state.status === 'stale', 20_000)
    await keys.put(at('b'), record('b'))
    await pause(1000)
    expect(listening.told.at(-1)).toEqual(['a'])
    proxy.heal()
    await listening.shows(['a', 'b'], 20_000)
    await until('the end of it', () => registry.state.status === 'connected', 20_000)
    expect(listening.errors).toHaveLength(1)
  })

  it('does not notice that its member dies where there are others, and neither does a registration', { timeout: 60_000 }, async (ctx) => {
    requireEtcd(ctx)
    const members = await startCluster(3, { args: ['--enable-v2=true'] })
    for (const member of members) using(member)
    // The first one is used at first.
    const registry = registryAt('', { endpoints: members.map(({ address }) => address), random: () => 0 })
    const listening = listen(registry)
    const registration = await registry.register(instance('a'))
    await listening.shows(['a'], 20_000)
    await members[0]?.kill()
    const other = keysOf({ address: members[1]?.address ?? '' })
    await until('a write', async () => (await other.put(at('b'), record('b'))).ok, 20_000)
    await listening.shows(['a', 'b'], 20_000)
    const { createdIndex, modifiedIndex = 0 } = (await other.get(at('a'))) ?? {}
    await until('a refreshing', async () => ((await other.get(at('a')))?.modifiedIndex ?? 0) > modifiedIndex, 20_000)
    expect((await other.get(at('a')))?.createdIndex).toBe(createdIndex)
    expect(registration.state).toBe('registered')
    expect([registry.state.status, listening.errors]).toEqual(['connected', []])
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
