import { describe, expect, it } from 'vitest'
import { until } from '../../support/echo.ts'
import { requireEtcd } from '../../support/etcd.ts'
import { keysOf } from '../../support/etcd-v2.ts'
import { startProxy } from '../../support/proxy.ts'
import { instance, listen, statesOf, using } from '../etcd/bench.ts'
import { registryAt, start } from './bench.ts'

const key = '/micro-registry/book/a'
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

describe('a registration in etcd v2', () => {
  it('is refreshed, which no watch hears of, and is gone when it is deregistered', async (ctx) => {
    requireEtcd(ctx)
    const etcd = await start()
    const registration = await registryAt(etcd.address, { ttl: 2000 }).register(instance('a'))
    const first = await keysOf(etcd).get(key)
    expect(first?.ttl).toBe(2)
    await until(
      'two refreshings',
      async () => ((await keysOf(etcd).get(key))?.modifiedIndex ?? 0) >= (first?.modifiedIndex ?? 0) + 2,
      10_000,
    )
    const later = await keysOf(etcd).get(key)
    expect(later).toMatchObject({ createdIndex: first?.createdIndex, value: first?.value })
    const hanging = await fetch(
      `http://${etcd.address}/v2/keys/micro-registry?wait=true&recursive=true&waitIndex=${(first?.modifiedIndex ?? 0) + 1}`,
    )
    await registration.deregister()
    expect(await hanging.json()).toMatchObject({ action: 'delete', node: { key } })
    expect(await keysOf(etcd).get(key)).toBeUndefined()
  })

  it('does not fight in a hot loop with a writer that has the same key', { timeout: 40_000 }, async (ctx) => {
    requireEtcd(ctx)
    const etcd = await start()
    const registration = await registryAt(etcd.address).register(instance('a'))
    const states = statesOf(registration)
    for (const end = performance.now() + 3000; performance.now() < end; ) {
      await keysOf(etcd).put(key, 'something else')
      await pause(20)
    }
    expect(states.length).toBeGreaterThan(0)
    expect(states.length).toBeLessThan(40)
    const holds = async () => registration.state === 'registered' && (await keysOf(etcd).get(key))?.value.includes('"id":"a"') === true
    await until('it to be back', holds, 20_000)
  })

  it('outlives an etcd that is down for longer than the TTL', { timeout: 60_000 }, async (ctx) => {
    requireEtcd(ctx)
    const etcd = await start()
    const registry = registryAt(etcd.address, { ttl: 2000 })
    const listening = listen(registry)
    const a = await registry.register(instance('a'))
    const b = await registry.register(instance('b'))
    await listening.shows(['a', 'b'], 20_000)
    await etcd.kill()
    await until('the loss', () => a.state === 'healing' && b.state === 'healing', 20_000)
    await until('an error', () => listening.errors.length > 0, 20_000)
    // Who leaves meanwhile stays away, who changes meanwhile comes back changed.
    await b.deregister()
    await expect(a.update(instance('a', { version: '2' }))).rejects.toThrow('ECONNREFUSED')
    expect(listening.told.at(-1)).toEqual(['a', 'b'])
    await etcd.restart()
    await until('the return', () => a.state === 'registered', 20_000)
    await listening.shows(['a'], 20_000)
    await until('the update', () => listening.last[0]?.version === '2', 20_000)
    expect(listening.errors).toHaveLength(1)
  })
})

describe('an id in etcd v2', () => {
  it('is had by the next when the one before it is dead', { timeout: 40_000 }, async (ctx) => {
    requireEtcd(ctx)
    const etcd = await start()
    await keysOf(etcd).put(key, '{"name":"book","nodes":[{"id":"a","address":"127.0.0.1:1"}]}', { ttl: '3' })
    const registration = await registryAt(etcd.address).register(instance('a'))
    expect(registration.state).toBe('registered')
    expect((await keysOf(etcd).get(key))?.value).toContain(instance('a').address)
  })

  it('is had at once by one at the same address, or in place of a record that would stay for ever', async (ctx) => {
    requireEtcd(ctx)
    const etcd = await start()
    const registry = registryAt(etcd.address)
    await keysOf(etcd).put(key, `{"name":"book","nodes":[{"id":"a","address":"${instance('a').address}"}]}`, { ttl: '60' })
    await keysOf(etcd).put('/micro-registry/book/b', '{"name":"book","nodes":[{"id":"b","address":"127.0.0.1:1"}]}')
    const began = performance.now()
    await Promise.all([registry.register(instance('a')), registry.register(instance('b'))])
    expect(performance.now() - began).toBeLessThan(5000)
  })

  it('is lost while another has it, and had again when that one leaves', { timeout: 60_000 }, async (ctx) => {
    requireEtcd(ctx)
    const etcd = await start()
    const proxy = using(await startProxy(etcd.address))
    const registration = await registryAt(proxy.address, { ttl: 2000, timeout: 1000 }).register(instance('a'))
    proxy.cut({ refuse: true })
    await until('its end at etcd', async () => (await keysOf(etcd).get(key)) === undefined, 20_000)
    const other = await registryAt(etcd.address, { ttl: 2000 }).register(instance('a', { address: '127.0.0.1:9' }))
    proxy.heal()
    await until('it to be lost', () => registration.state === 'lost', 20_000)
    await other.deregister()
    await until('it to be back', () => registration.state === 'registered', 30_000)
  })
})
