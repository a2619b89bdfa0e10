import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { etcdClient } from '../../../src/etcd/index.ts'
import { type EtcdRegistryOptions, etcd, goKit, goMicro } from '../../../src/registries/etcd.ts'
import { failure } from '../../support/context.ts'
import { until } from '../../support/echo.ts'
import { type EtcdProcess, etcdMissing, requireEtcd, startEtcd } from '../../support/etcd.ts'
import { instance, listen, recordLog, registryAt } from './bench.ts'

let server: EtcdProcess
beforeAll(async () => {
  if (etcdMissing() === undefined) server = await startEtcd()
})
afterAll(() => server?.stop())
beforeEach(async () => {
  if (etcdMissing() === undefined) await server.etcdctl('del', '--prefix', '')
})

const inEtcd = async (key: string) => (await server.etcdctl('get', key, '--print-value-only')).slice(0, -1)

describe('records in etcd', () => {
  it('are what go-micro expects, byte by byte, under a lease', async (ctx) => {
    requireEtcd(ctx)
    const registration = await registryAt(server.address).register(instance('book-1', { address: '10.0.0.1:80', version: 'v1' }))
    const key = '/micro/registry/book/book-1'
    expect(await inEtcd(key)).toBe(
      '{"name":"book","version":"v1","metadata":null,"endpoints":null,"nodes":[{"id":"book-1","address":"10.0.0.1:80",' +
        '"metadata":{"broker":"memory","protocol":"grpc","registry":"etcd","server":"grpc","transport":"grpc"}}]}',
    )
    const { kvs } = JSON.parse(await server.etcdctl('get', key, '-w', 'json'))
    expect(kvs[0].lease).toBeGreaterThan(0)
    expect(await server.etcdctl('lease', 'list')).toContain('found 1 leases')
    await registration.deregister()
    expect(await inEtcd(key)).toBe('')
    expect(await server.etcdctl('lease', 'list')).toContain('found 0 leases')
  })

  it('are what go-kit expects, byte by byte', async (ctx) => {
    requireEtcd(ctx)
    const registry = registryAt(server.address, { layouts: [goKit({ prefix: '/services/book/' })] })
    await registry.register(instance('any', { address: '10.204.29.77:50051' }))
    expect(await server.etcdctl('get', '--prefix', '')).toBe('/services/book/10.204.29.77:50051\n10.204.29.77:50051\n')
  })

  it('are written in all layouts in one revision, removed together, and read once', async (ctx) => {
    requireEtcd(ctx)
    const registry = registryAt(server.address, { layouts: [goMicro(), goKit({ prefix: '/services/book/' })] })
    const listening = listen(registry)
    const registration = await registry.register(instance('a', { address: '10.0.0.1:80' }))
    const { kvs } = JSON.parse(await server.etcdctl('get', '--prefix', '', '-w', 'json'))
    expect(kvs).toHaveLength(2)
    expect(kvs[0].mod_revision).toBe(kvs[1].mod_revision)
    await listening.shows(['a'])
    await server.etcdctl('put', '/services/book/10.0.0.2:80', '10.0.0.2:80')
    await listening.shows(['/services/book/10.0.0.2:80', 'a'])
    await registration.update(instance('a', { address: '10.0.0.9:80' }))
    expect((await server.etcdctl('get', '--prefix', '', '--keys-only')).split('\n').filter(Boolean)).toEqual([
      '/micro/registry/book/a',
      '/services/book/10.0.0.2:80',
      '/services/book/10.0.0.9:80',
    ])
    await registration.deregister()
    expect((await server.etcdctl('get', '--prefix', '', '--keys-only')).trim()).toBe('/services/book/10.0.0.2:80')
  })

  it('that etcdctl puts and deletes are seen at once', async (ctx) => {
    requireEtcd(ctx)
    const listening = listen(registryAt(server.address, { layouts: [goKit({ prefix: '/services/book/' })] }))
    await listening.shows([])
    await server.etcdctl('put', '/services/book/one', '127.0.0.1:50051')
    await listening.shows(['/services/book/one'])
    expect(listening.last[0]).toMatchObject({ service: 'book', address: '127.0.0.1:50051' })
    await server.etcdctl('del', '/services/book/one')
    await listening.shows([])
  })

  it('that are malformed are skipped with one warning each', async (ctx) => {
    requireEtcd(ctx)
    const { lines, logger } = recordLog()
    const registry = registryAt(server.address, { logger })
    const listening = listen(registry)
    await registry.register(instance('good'))
    const bad = ['', 'no json', '[]', '{"name":"book","nodes":[{"id":"x","address":"no port"}]}', '{"name":"book","nodes":null}']
    for (const [i, value] of bad.entries()) await server.etcdctl('put', '--', `/micro/registry/book/bad${i}`, value)
    await server.etcdctl('put', '/micro/registry/book/bad1', 'no json')
    await registry.register(instance('good2'))
    await listening.shows(['good', 'good2'])
    const warnings = lines.filter((line) => line.startsWith('warn'))
    expect(warnings.map((line) => line.slice(0, 44))).toEqual(
      bad.map((_, i) => `warn record /micro/registry/book/bad${i} skipped:`.slice(0, 44)),
    )
    expect(warnings[3]).toContain('"no port"')
    expect(await registry.services()).toEqual(['book'])
    // Mended, they count.
    await server.etcdctl('put', '/micro/registry/book/bad0', '{"name":"book","nodes":[{"id":"mended","address":"h:1"}]}')
    await listening.shows(['good', 'good2', 'mended'])
  })

  it('that all have the same key are warned of', async (ctx) => {
    requireEtcd(ctx)
    const { lines, logger } = recordLog()
    const listening = listen(registryAt(server.address, { logger, layouts: [goKit({ prefix: '/services/book/' })] }))
    await server.etcdctl('put', '/services/book/', 'http://127.0.0.1:8080')
    await server.etcdctl('put', '/services/book/', 'http://127.0.0.1:8081')
    await until('the second', () => listening.last[0]?.address === 'http://127.0.0.1:8081')
    expect(lines).toHaveLength(1)
    expect(lines[0]).toContain('instances that register like this overwrite each other')
  })

  it('are read page by page as of one revision', async (ctx) => {
    requireEtcd(ctx)
    const steps = Array.from({ length: 2500 }, (_, i) => `/services/book/${String(i).padStart(4, '0')}`)
    const client = etcdClient({ endpoints: [server.address] })
    for (let i = 0; i < steps.length; i += 100)
      await client.txn({ success: steps.slice(i, i + 100).map((key) => ({ put: key, value: 'h:1' })) })
    await client.close()
    const listening = listen(registryAt(server.address, { layouts: [goKit({ prefix: '/services/book/' })] }))
    await listening.shows(steps)
    expect(listening.told).toHaveLength(1)
  })
})

describe('services', () => {
  it('are known by the place that the prefix has for them, from all layouts together', async (ctx) => {
    requireEtcd(ctx)
    const registry = registryAt(server.address, { layouts: [goMicro(), goKit()] })
    await server.etcdctl('put', '/services/user/h:1', 'h:1')
    await registry.register(instance('a'))
    expect(await registry.services()).toEqual(['book', 'user'])
    expect(await registryAt(server.address, { layouts: [goKit({ prefix: '/services/user/' })] }).services()).toEqual([])
  })
})

describe('a client that is given', () => {
  it('serves several registries and outlives them', async (ctx) => {
    requireEtcd(ctx)
    const client = etcdClient({ endpoints: [server.address] })
    const [one, two] = [etcd({ client }), etcd({ client })]
    await one.register(instance('a'))
    await two.register(instance('b'))
    const listening = listen(two)
    await listening.shows(['a', 'b'])
    await one.close()
    await listening.shows(['b'])
    await two.close()
    expect((await client.range({ prefix: '/micro/registry/', countOnly: true })).count).toBe(0)
    await client.close()
  })
})

describe('watching', () => {
  it('takes one watch per prefix, however many listeners there are, and none after the last', async (ctx) => {
    requireEtcd(ctx)
    const watchers = async () =>
      Number(/etcd_debugging_mvcc_watcher_total (\d+)/.exec(await (await fetch(`http://${server.address}/metrics`)).text())?.[1])
    const registry = registryAt(server.address)
    const before = await watchers()
    const all = Array.from({ length: 20 }, () => listen(registry))
    for (const listening of all) await listening.shows([])
    await until('the watch', async () => (await watchers()) > before)
    expect((await watchers()) - before).toBe(1)
    for (const { stop } of all) stop()
    await until('no watch', async () => (await watchers()) === before)
  })

  it('tells the changes of one transaction at once', async (ctx) => {
    requireEtcd(ctx)
    const registry = registryAt(server.address, { layouts: [goKit({ prefix: '/services/book/' })] })
    const listening = listen(registry)
    await listening.shows([])
    const client = etcdClient({ endpoints: [server.address] })
    await client.txn({ success: ['a', 'b', 'c'].map((id) => ({ put: `/services/book/${id}`, value: `${id}:1` })) })
    await client.close()
    await until('them', () => listening.last.length > 0)
    expect(listening.told.map(({ length }) => length)).toEqual([0, 3])
  })

  it('does not tell a record that was written again as it was', async (ctx) => {
    requireEtcd(ctx)
    const listening = listen(registryAt(server.address, { layouts: [goKit({ prefix: '/services/book/' })] }))
    await listening.shows([])
    for (const key of ['a', 'a', 'a', 'b']) await server.etcdctl('put', `/services/book/${key}`, `${key}:1`)
    await listening.shows(['/services/book/a', '/services/book/b'])
    expect(listening.told).toHaveLength(3)
  })
})

describe('options', () => {
  it.each([
    [{ ttl: 0 }, 'etcd registry: ttl (ms) must be a number ≥ 1000, got 0'],
    [{ ttl: 2500 }, 'etcd registry: ttl must be whole seconds, in milliseconds, got 2500'],
    [{ heartbeat: 1 }, 'etcd registry: heartbeat (ms) must be a number ≥ 100, got 1'],
    [{ grace: -1 }, 'etcd registry: grace (ms) must be'],
    [{ layouts: [] }, 'etcd registry: layouts must be a list, as [goMicro()]'],
    [{ layouts: goKit() as never }, 'etcd registry: layouts must be a list, as [goMicro()]'],
    [{ layouts: [goKit as never] }, 'etcd registry: layouts must be what goMicro() makes, got the function goKit'],
    [{ endpoints: ['ftp://h'] }, 'etcd: endpoints "ftp://h"'],
    [
      { client: etcdClient(), endpoints: ['h'], username: 'u' },
      'etcd registry: a client comes with its own endpoints, username: give either',
    ],
  ] satisfies [EtcdRegistryOptions, string][])('refuses %j', (options, message) => {
    expect(() => etcd(options)).toThrow(`invalid_argument: ${message}`)
  })

  it('has a lease of 10 s, and of three heartbeats where the TTL is not longer than one, as go-kit', async (ctx) => {
    requireEtcd(ctx)
    const ttlOf = async (options: EtcdRegistryOptions) => {
      const registration = await registryAt(server.address, options).register(instance('a'))
      const [id = ''] = /[0-9a-f]{16}/.exec(await server.etcdctl('lease', 'list')) ?? []
      const text = await server.etcdctl('lease', 'timetolive', id)
      await registration.deregister()
      return Number(/granted with TTL\((\d+)s/.exec(text)?.[1])
    }
    expect(await ttlOf({})).toBe(10)
    expect(await ttlOf({ ttl: 20_000, heartbeat: 1000 })).toBe(20)
    expect(await ttlOf({ ttl: 3000, heartbeat: 5000 })).toBe(15)
  })

  it('tells who watches a registry that is closed', async () => {
    const registry = registryAt('127.0.0.1:1')
    await registry.close()
    const listening = listen(registry)
    await until('the error', () => listening.errors.length > 0)
    expect(listening.errors[0]?.message).toBe('failed_precondition: etcd at 127.0.0.1:1: the registry is closed')
    listening.stop()
  })

  it('refuses the same instance twice', async (ctx) => {
    requireEtcd(ctx)
    const registry = registryAt(server.address)
    await registry.register(instance('a'))
    const error = await failure(registry.register(instance('a')))
    expect(error.message).toBe('already_exists: a of "book" is registered by this process; update it instead')
  })
})
