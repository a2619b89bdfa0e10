import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { until } from '../../support/echo.ts'
import { freePorts, requireEtcd, startEtcd } from '../../support/etcd.ts'
import { startProxy } from '../../support/proxy.ts'
import { instance, listen, recordLog, registryAt, using } from './bench.ts'

let directory: string
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'beckon-snapshot-'))
})
afterAll(() => rmSync(directory, { recursive: true }))

describe('the state of a registry', () => {
  it('tells since when sets may be stale, and what they are certainly as of: one event and one line per change', async (ctx) => {
    requireEtcd(ctx)
    const etcd = using(await startEtcd())
    const proxy = using(await startProxy(etcd.address))
    const { lines, logger } = recordLog()
    const registry = registryAt(proxy.address, { logger })
    const told: string[] = []
    registry.onState(({ status }) => told.push(status))
    expect(registry.state).toEqual({ status: 'idle' })
    const all = [listen(registry), listen(registry, 'user')]
    await until('both sets', () => registry.state.status === 'connected' && all.every((one) => one.told.length > 0))
    const { header } = JSON.parse(
      await etcd.etcdctl('put', '/micro/registry/book/a', '{"name":"book","nodes":[{"id":"a","address":"h:1"}]}', '-w', 'json'),
    )
    await all[0]?.shows(['a'])
    // The other prefix has had nothing since.
    expect(registry.state.revision).toBeLessThan(header.revision)
    const before = Date.now()
    proxy.cut({ refuse: true })
    await until('the break', () => registry.state.status === 'stale')
    expect(registry.state.staleSince).toBeGreaterThanOrEqual(before)
    expect(registry.state.cause?.message).toContain(proxy.address)
    proxy.heal()
    await until('the end of it', () => registry.state.status === 'connected')
    expect(registry.state.staleSince).toBeUndefined()
    await until('what it is as of', () => (registry.state.revision ?? 0) >= header.revision)
    expect(told).toEqual(['connected', 'stale', 'connected'])
    expect(lines.map((line) => line.replace(/from now on: .*|after \d+ ms/, ''))).toEqual([
      `warn what etcd at ${proxy.address} has told may be stale `,
      `info what etcd at ${proxy.address} has told is right again `,
    ])
  })
})

describe('a snapshot', () => {
  it('is what a process begins with that starts while etcd is down, with an error, and is replaced by the truth', async (ctx) => {
    requireEtcd(ctx)
    const etcd = using(await startEtcd())
    const snapshot = join(directory, 'sets.json')
    const first = registryAt(etcd.address, { snapshot })
    const registrar = registryAt(etcd.address)
    const [a] = await Promise.all(['a', 'b', 'c'].map((id) => registrar.register(instance(id))))
    await listen(first).shows(['a', 'b', 'c'])
    const written = Date.now()
    await first.close()
    await a?.deregister()
    await etcd.kill()
    const second = registryAt(etcd.address, { snapshot })
    const listening = listen(second)
    await listening.shows(['a', 'b', 'c'])
    expect(listening.last.find(({ id }) => id === 'a')?.address).toBe(instance('a').address)
    await until('the error', () => listening.errors.length > 0)
    expect(Math.abs((second.state.staleSince ?? 0) - written)).toBeLessThan(1000)
    expect(second.state.status).toBe('stale')
    await etcd.restart()
    await listening.shows(['b', 'c'])
    expect(second.state.status).toBe('connected')
  })

  it('keeps up with what changes, and keeps what the process does not watch', async (ctx) => {
    requireEtcd(ctx)
    const etcd = using(await startEtcd())
    const snapshot = join(directory, 'kept.json')
    const other = { at: 1, revision: 1, records: [['/micro/registry/user/x', '{}']] }
    writeFileSync(snapshot, JSON.stringify({ version: 1, prefixes: { '/micro/registry/user/': other } }))
    const registry = registryAt(etcd.address, { snapshot })
    listen(registry)
    await registry.register(instance('a'))
    const prefixes = () => JSON.parse(readFileSync(snapshot, 'utf8')).prefixes
    await until('the record', () => prefixes()['/micro/registry/book/']?.records.length === 1)
    expect(prefixes()['/micro/registry/user/']).toEqual(other)
  })

  it('that is broken or cannot be written is warned of once, and done without', async (ctx) => {
    requireEtcd(ctx)
    const etcd = using(await startEtcd())
    const broken = join(directory, 'broken.json')
    writeFileSync(broken, '{"version":1,')
    for (const [snapshot, what] of [
      [broken, 'cannot be read'],
      [join(directory, 'missing', 'sets.json'), 'cannot be written'],
    ] as const) {
      const { lines, logger } = recordLog()
      const registry = registryAt(etcd.address, { snapshot, logger })
      const listening = listen(registry)
      await listening.shows([])
      await until('the warning', () => lines.some((line) => line.includes(what)))
      await registry.close()
      expect(lines.filter((line) => line.startsWith('warn'))).toHaveLength(1)
    }
  })
})

describe('an etcd that is down at start', () => {
  it('is waited for by `register()` where that is asked for', async (ctx) => {
    requireEtcd(ctx)
    const etcd = using(await startEtcd())
    await etcd.kill()
    let registered = false
    const registering = registryAt(etcd.address, { timeout: 300, unreachable: 'wait' }).register(instance('a'))
    void registering.then(() => {
      registered = true
    })
    await new Promise((resolve) => setTimeout(resolve, 1500))
    expect(registered).toBe(false)
    await etcd.restart()
    expect((await registering).state).toBe('registered')
  })
})

describe('options', () => {
  it('are checked', async () => {
    const [port] = await freePorts(2)
    expect(() => registryAt(`127.0.0.1:${port}`, { shrink: 1.5 })).toThrow('etcd registry: shrink must be a number ≥ 0 and ≤ 1, got 1.5')
    expect(() => registryAt(`127.0.0.1:${port}`, { spread: -1 })).toThrow('etcd registry: spread (ms) must be a number ≥ 0, got -1')
    expect(() => registryAt(`127.0.0.1:${port}`, { page: 0 })).toThrow('etcd registry: page (records) must be an integer ≥ 1, got 0')
  })
})
