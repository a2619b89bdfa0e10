import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, it } from 'vitest'
import { type EtcdV2RegistryOptions, etcdV2, goKit, goMicro } from '../../../src/registries/etcd-v2.ts'
import { failure } from '../../support/context.ts'
import { until } from '../../support/echo.ts'
import { type EtcdProcess, freePorts, requireEtcd, startEtcd } from '../../support/etcd.ts'
import { keysOf } from '../../support/etcd-v2.ts'
import { startProxy } from '../../support/proxy.ts'
import { instance, listen, recordLog, using } from '../etcd/bench.ts'
import { registryAt, start } from './bench.ts'

describe('etcd v2', () => {
  it.each<[EtcdV2RegistryOptions, string]>([
    [{ endpoints: [] }, 'must name at least one address'],
    [{ endpoints: ['ftp://h'] }, 'the scheme must be http or https'],
    [{ ttl: 1500 }, 'etcd v2 registry: ttl must be whole seconds'],
    [{ heartbeat: 1 }, 'etcd v2 registry: heartbeat (ms) must be a number ≥ 100'],
    [{ layouts: [] }, 'etcd v2 registry: layouts must be a list, as [goMicro()]'],
    [{ username: 'app' }, 'username and password must be given together'],
    [{ endpoints: ['https://h'], tls: false }, 'tls is false, but the endpoints are https://'],
    [{ endpoints: ['http://h'], tls: true }, 'tls is given, but the endpoints are http://'],
    [{ keepalive: { interval: 10 } }, 'keepalive.interval (ms) must be a number ≥ 1000'],
    [{ timeout: 0 }, 'timeout (ms) must be a number ≥ 1'],
  ])('refuses %j', (options, text) => {
    expect(() => etcdV2(options)).toThrow(text)
  })

  it.each(['', '/', '//', '/a/../b'])('refuses the prefix %j', (prefix) => {
    expect(() => goKit({ prefix })).toThrow(/^invalid_argument: goKit: prefix must name a directory/)
    expect(() => goMicro({ prefix })).toThrow(/^invalid_argument: goMicro: prefix must name a directory/)
  })

  it.each(['_hidden', '.', '..'])('refuses an id of which it would hide the key, or which is none: %s', async (id) => {
    const error = await failure(registryAt('127.0.0.1:1').register(instance(id)))
    expect(error.code).toBe('invalid_argument')
    expect(error.message).toContain('is no key for etcd v2')
  })

  it('tells of an etcd that has no v2 API', async (ctx) => {
    requireEtcd(ctx)
    const etcd = using(await startEtcd())
    const registry = registryAt(etcd.address)
    const error = await failure(registry.register(instance('a')))
    expect(error.code).toBe('unimplemented')
    expect(error.message).toContain('start it with --enable-v2=true')
    const listening = listen(registry)
    await expect.poll(() => listening.errors[0]?.message, { timeout: 10_000 }).toContain('start it with --enable-v2=true')
  })

  it('is tried for `timeout`, then refused with what is wrong', async () => {
    const [one, two] = await freePorts(2)
    const endpoints = [`127.0.0.1:${one}`, `127.0.0.1:${two}`]
    const began = performance.now()
    const error = await failure(registryAt('', { endpoints, timeout: 700 }).register(instance('a')))
    expect(performance.now() - began).toBeGreaterThan(600)
    expect(error.code).toBe('unavailable')
    expect(error.message).toContain(`etcd v2 at ${endpoints}: `)
    for (const endpoint of endpoints) expect(error.message).toContain(`${endpoint}: connect ECONNREFUSED`)
  })

  it('is waited for where that is asked for, and answered by the endpoint that lives', { timeout: 40_000 }, async (ctx) => {
    requireEtcd(ctx)
    const etcd = await start()
    const [dead] = await freePorts(2)
    await etcd.kill()
    const registry = registryAt('', { endpoints: [`127.0.0.1:${dead}`, etcd.address], timeout: 300, unreachable: 'wait', random: () => 0 })
    const registering = registry.register(instance('a'))
    await new Promise((resolve) => setTimeout(resolve, 800))
    await etcd.restart()
    expect((await registering).state).toBe('registered')
  })

  it('is asked with a name and a password, which may change', async (ctx) => {
    requireEtcd(ctx)
    const etcd = await start()
    await enableAuth(etcd, 'right')
    const secured = (password: string | (() => string)) => registryAt(etcd.address, { username: 'root', password })
    expect((await secured('right').register(instance('a'))).state).toBe('registered')
    const wrong = await failure(secured('wrong').register(instance('b')))
    expect([wrong.code, wrong.message]).toEqual([
      'permission_denied',
      expect.stringContaining('user "root" has not the permission, or another'),
    ])
    const none = await failure(registryAt(etcd.address).register(instance('b')))
    expect([none.code, none.message]).toEqual(['unauthenticated', expect.stringContaining('give username and password')])
    let password = 'wrong'
    const changing = secured(() => password)
    await failure(changing.register(instance('c')))
    password = 'right'
    expect((await changing.register(instance('c'))).state).toBe('registered')
  })

  it('is asked over TLS, with a certificate where it wants one', async (ctx) => {
    requireEtcd(ctx)
    const etcd = await start({ tls: 'mutual' })
    const { ca, cert, key } = etcd.certificates ?? {}
    const registry = registryAt(`https://${etcd.address}`, { tls: { ca, cert, key } })
    await registry.register(instance('a'))
    const listening = listen(registry)
    await listening.shows(['a'], 20_000)
    const untrusted = await failure(registryAt(`https://${etcd.address}`, { timeout: 500 }).register(instance('b')))
    expect(untrusted.message).toMatch(/self-signed|unable to (get|verify)/)
  })

  it('is left without a connection when the registry is closed amid a request', async (ctx) => {
    requireEtcd(ctx)
    const etcd = await start()
    const proxy = using(await startProxy(etcd.address))
    const registry = registryAt(proxy.address)
    await registry.services()
    const asking = failure(registry.services())
    await until('the request', () => proxy.connections === 1)
    await registry.close()
    await asking
    // Should it be asked again, that takes a moment.
    await new Promise((resolve) => setTimeout(resolve, 300))
    expect(proxy.connections).toBe(0)
  })

  it('is not held to be right where it talks nonsense', async () => {
    const server = createServer((_request, response) => response.end('<html>')).listen(0, '127.0.0.1')
    await once(server, 'listening')
    using({ [Symbol.asyncDispose]: () => new Promise<void>((resolve) => server.close(() => resolve())) })
    const error = await failure(registryAt(`127.0.0.1:${(server.address() as AddressInfo).port}`).register(instance('a')))
    expect(error.message).toContain('no answer of etcd')
  })
})

describe('records in etcd v2', () => {
  it('are what go-plugins and go-kit write', async (ctx) => {
    requireEtcd(ctx)
    const etcd = await start()
    const layouts = [goMicro(), goKit({ prefix: 'services/book' })]
    await registryAt(etcd.address, { layouts }).register(instance('book-1', { version: '1', address: '10.0.0.1:80' }))
    expect(await keysOf(etcd).get('/micro-registry/book/book-1')).toMatchObject({
      ttl: 10,
      value:
        '{"name":"book","version":"1","metadata":null,"endpoints":null,"nodes":[{"id":"book-1","address":"10.0.0.1:80","metadata":{"broker":"memory","protocol":"grpc","registry":"etcd","server":"grpc","transport":"grpc"}}]}',
    })
    expect(await keysOf(etcd).get('/services/book/book-1')).toMatchObject({ ttl: 10, value: '10.0.0.1:80' })
  })

  it('of others are read, and skipped with a warning where they cannot be', async (ctx) => {
    requireEtcd(ctx)
    const etcd = await start()
    const keys = keysOf(etcd)
    await keys.put('/services/book/10.0.0.1:80', 'http://10.0.0.1:80')
    await keys.put('/services/book/10.0.0.2:80', '')
    await keys.put('/services/book/10.0.0.3:80', 'no address')
    await keys.put('/services/book/deeper/10.0.0.4:80', '10.0.0.4:80')
    await keys.put('/services/book2/10.0.0.5:80', '10.0.0.5:80')
    const { lines, logger } = recordLog()
    const registry = registryAt(etcd.address, { layouts: [goKit()], logger })
    const listening = listen(registry)
    await listening.shows(['10.0.0.1:80'], 20_000)
    expect(listening.last).toEqual([{ id: '10.0.0.1:80', service: 'book', address: 'http://10.0.0.1:80' }])
    expect(lines.filter((line) => line.includes('skipped'))).toHaveLength(2)
    expect(await registry.services()).toEqual(['book', 'book/deeper', 'book2'])
  })
})

/** etcd's users for v2 are others than those for v3. */
async function enableAuth({ address }: EtcdProcess, password: string): Promise<void> {
  const put = async (path: string, body?: object): Promise<void> => {
    const init = { method: 'PUT', ...(body && { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }) }
    const credentials = { authorization: `Basic ${Buffer.from(`root:${password}`).toString('base64')}` }
    const answer = await fetch(`http://${address}/v2/auth/${path}`, { ...init, headers: { ...init.headers, ...credentials } })
    expect(answer.ok, `${path}: ${answer.status}`).toBe(true)
  }
  await put('users/root', { user: 'root', password })
  await put('enable')
  const guest = await fetch(`http://${address}/v2/auth/roles/guest`, {
    method: 'DELETE',
    headers: { authorization: `Basic ${Buffer.from(`root:${password}`).toString('base64')}` },
  })
  expect(guest.ok).toBe(true)
}
