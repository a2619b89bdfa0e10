import { describe, expect, it } from 'vitest'
import { until } from '../../support/echo.ts'
import { type EtcdProcess, requireEtcd } from '../../support/etcd.ts'
import { keysOf } from '../../support/etcd-v2.ts'
import { startProxy } from '../../support/proxy.ts'
import { instance, listen, recordLog, statesOf, using } from '../etcd/bench.ts'
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

  it.for([
    ['deletes its record', 'was deleted', (etcd: EtcdProcess) => keysOf(etcd).remove(key)],
    ['deletes its directory', 'was deleted', (etcd: EtcdProcess) => keysOf(etcd).remove('/micro-registry')],
    ['overwrites its record', 'was overwritten; ids must be unique', (etcd: EtcdProcess) => keysOf(etcd).put(key, 'something else')],
  ] as const)('is put back when somebody %s', async ([_what, told, undo], ctx) => {
    requireEtcd(ctx)
    const etcd = await start()
    const { lines, logger } = recordLog()
    const registration = await registryAt(etcd.address, { logger }).register(instance('a'))
    const states = statesOf(registration)
    const began = performance.now()
    await undo(etcd)
    await until('it to be back', () => states.length >= 2, 20_000)
    // Long before the next refreshing would have shown it.
    expect(performance.now() - began).toBeLessThan(3000)
    expect(states.map(([state]) => state)).toEqual(['healing', 'registered'])
    expect((await keysOf(etcd).get(key))?.value).toContain('"id":"a"')
    expect(lines).toEqual([
      `info a registered in etcd v2 at ${etcd.address}`,
      expect.stringMatching(new RegExp(`^warn registration of a lost, putting it back: .*${key} ${told}$`)),
      expect.stringMatching(/^info registration of a is back after \d+ ms$/),
    ])
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

  it('comes back to an etcd that has lost its data, and no set without it is told', { timeout: 60_000 }, async (ctx) => {
    requireEtcd(ctx)
    const etcd = await start()
    const registry = registryAt(etcd.address)
    const consumer = registryAt(etcd.address)
    const listening = listen(consumer)
    const ids = ['a', 'b', 'c']
    const all = await Promise.all(ids.map((id) => registry.register(instance(id))))
    await listening.shows(ids, 20_000)
    const before = listening.told.length
    const states = all.map(statesOf)
    await etcd.kill()
    await until('the break', () => consumer.state.status === 'stale', 20_000)
    await etcd.restart({ empty: true })
    await until('all to be back', () => states.every((told) => told.length === 2), 20_000)
    for (const told of states) expect(told.map(([state]) => state)).toEqual(['healing', 'registered'])
    await until('the sets', () => consumer.state.status === 'connected', 20_000)
    for (const told of listening.told.slice(before)) expect(told).toEqual(ids)
    await registry.register(instance('d'))
    await listening.shows([...ids, 'd'], 20_000)
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

  it('is healing at its TTL when nothing is heard of etcd any more, and back after', { timeout: 60_000 }, async (ctx) => {
    requireEtcd(ctx)
    const etcd = await start()
    const proxy = using(await startProxy(etcd.address))
    const registration = await registryAt(proxy.address, {
      ttl: 3000,
      timeout: 2000,
      keepalive: { interval: 1000, timeout: 1000 },
    }).register(instance('a'))
    proxy.blackHole()
    const began = performance.now()
    await until('the loss', () => registration.state === 'healing', 20_000)
    expect(performance.now() - began).toBeGreaterThan(1500)
    await until('its end at etcd', async () => (await keysOf(etcd).get(key)) === undefined, 20_000)
    proxy.heal()
    await until('the return', () => registration.state === 'registered', 20_000)
    expect(await keysOf(etcd).get(key)).toBeDefined()
  })
})

describe('an id in etcd v2', () => {
  it('belongs to who is alive', { timeout: 40_000 }, async (ctx) => {
    requireEtcd(ctx)
    const etcd = await start()
    await registryAt(etcd.address, { ttl: 2000 }).register(instance('a'))
    const other = registryAt(etcd.address, { ttl: 2000 }).register(instance('a', { address: '127.0.0.1:9' }))
    await expect(other).rejects.toThrow(
      /^already_exists: .*a of "book" is registered by 127\.0\.0\.1:\d+, which is alive; ids must be unique/,
    )
    expect((await keysOf(etcd).get(key))?.value).not.toContain('127.0.0.1:9"')
  })

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
