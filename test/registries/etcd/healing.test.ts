import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { failure } from '../../support/context.ts'
import { until } from '../../support/echo.ts'
import { type EtcdProcess, enableAuth, freePorts, requireEtcd, startEtcd } from '../../support/etcd.ts'
import { startProxy } from '../../support/proxy.ts'
import { instance, listen, recordLog, registryAt, statesOf, using } from './bench.ts'

const key = '/micro/registry/book/a'

async function holds(etcd: EtcdProcess): Promise<boolean> {
  return (await etcd.etcdctl('get', key)).includes('"id":"a"')
}

async function leaseOf(etcd: EtcdProcess): Promise<string> {
  const { kvs = [] } = JSON.parse((await etcd.etcdctl('get', key, '-w', 'json')).replace(/"lease":(\d+)/, '"lease":"$1"'))
  return BigInt(kvs[0]?.lease ?? 0).toString(16)
}

describe('a registration', () => {
  it('is put back when somebody revokes its lease', async (ctx) => {
    requireEtcd(ctx)
    const etcd = using(await startEtcd())
    const { lines, logger } = recordLog()
    const registry = registryAt(etcd.address, { logger })
    const registration = await registry.register(instance('a'))
    const states = statesOf(registration)
    const lease = await leaseOf(etcd)
    await etcd.etcdctl('lease', 'revoke', lease)
    await until('it to be back', () => states.length >= 2)
    expect(await holds(etcd)).toBe(true)
    expect(await leaseOf(etcd)).not.toBe(lease)
    expect(states.map(([state]) => state)).toEqual(['healing', 'registered'])
    expect(lines[0]).toBe(`info a registered in etcd at ${etcd.address}`)
    expect(lines[1]).toMatch(/^warn registration of a lost, putting it back: .*was deleted/)
    expect(lines[2]).toMatch(/^info registration of a is back after \d+ ms/)
    expect(lines).toHaveLength(3)
    // And it is kept: the new lease is alive too.
    await registration.deregister()
    expect(await holds(etcd)).toBe(false)
  })

  it('is put back when somebody deletes its record, under the lease it has', async (ctx) => {
    requireEtcd(ctx)
    const etcd = using(await startEtcd())
    const registration = await registryAt(etcd.address).register(instance('a'))
    const states = statesOf(registration)
    const lease = await leaseOf(etcd)
    for (let i = 0; i < 3; i++) {
      await etcd.etcdctl('del', key)
      await until('it to be back', () => states.length >= 2 * (i + 1))
      expect(await holds(etcd)).toBe(true)
    }
    expect(await leaseOf(etcd)).toBe(lease)
    expect(states[0]?.[1]).toContain(`${key} was deleted`)
  })

  it('is put back when somebody overwrites its record', async (ctx) => {
    requireEtcd(ctx)
    const etcd = using(await startEtcd())
    const registration = await registryAt(etcd.address).register(instance('a'))
    const states = statesOf(registration)
    await etcd.etcdctl('put', key, 'something else')
    await until('it to be back', () => states.length >= 2)
    expect(await holds(etcd)).toBe(true)
    expect(states[0]?.[1]).toContain('was overwritten; ids must be unique')
  })

  it('does not fight in a hot loop with a writer that has the same key', async (ctx) => {
    requireEtcd(ctx)
    const etcd = using(await startEtcd())
    const registration = await registryAt(etcd.address).register(instance('a'))
    const states = statesOf(registration)
    for (const end = performance.now() + 3000; performance.now() < end; ) await etcd.etcdctl('put', key, 'something else')
    expect(states.length).toBeGreaterThan(0)
    expect(states.length).toBeLessThan(40)
    await until('it to be back', async () => registration.state === 'registered' && (await holds(etcd)))
  })

  it('comes back to an etcd that has lost its data, within 2 s of its answering', async (ctx) => {
    requireEtcd(ctx)
    const etcd = using(await startEtcd())
    const registry = registryAt(etcd.address)
    const consumer = registryAt(etcd.address)
    const listening = listen(consumer)
    const ids = ['a', 'b', 'c']
    const all = await Promise.all(ids.map((id) => registry.register(instance(id))))
    await listening.shows(ids)
    const before = listening.told.length
    const states = all.map(statesOf)
    await etcd.kill()
    await new Promise((resolve) => setTimeout(resolve, 1500))
    await etcd.restart({ empty: true })
    const answering = performance.now()
    await until(
      'all to be back',
      async () => (await etcd.etcdctl('get', '--prefix', '', '--keys-only')).match(/registry\/book/g)?.length === 3,
      4000,
    )
    expect(performance.now() - answering).toBeLessThan(2000)
    await until('the states', () => all.every(({ state }) => state === 'registered'))
    // The consumer has not been told that anything was ever gone.
    await new Promise((resolve) => setTimeout(resolve, 1500))
    for (const told of listening.told.slice(before)) expect(told).toEqual(ids)
    for (const told of states) expect(told.map(([state]) => state)).toEqual(['healing', 'registered'])
    // And it hears of what comes after.
    await registry.register(instance('d'))
    await listening.shows(['a', 'b', 'c', 'd'])
  })

  it('outlives an etcd that is down for longer than the TTL', { timeout: 40_000 }, async (ctx) => {
    requireEtcd(ctx)
    const etcd = using(await startEtcd())
    const registry = registryAt(etcd.address, { ttl: 2000 })
    const listening = listen(registry)
    const a = await registry.register(instance('a'))
    const b = await registry.register(instance('b'))
    await listening.shows(['a', 'b'])
    await etcd.kill()
    await until('the loss', () => a.state === 'healing' && b.state === 'healing')
    await until('an error', () => listening.errors.length > 0)
    // Who leaves meanwhile stays away, who changes meanwhile comes back changed.
    await b.deregister()
    const updated = failure(a.update(instance('a', { version: '2' })))
    expect((await updated).message).toContain('ECONNREFUSED')
    expect(listening.told.at(-1)).toEqual(['a', 'b'])
    expect(listening.errors).toHaveLength(1)
    await etcd.restart()
    await until('the return', () => a.state === 'registered')
    await listening.shows(['a'])
    await until('the update', () => listening.last[0]?.version === '2')
  })

  it('comes back when its process was paused past its TTL', { timeout: 60_000 }, async (ctx) => {
    requireEtcd(ctx)
    const etcd = using(await startEtcd())
    const program = fileURLToPath(new URL('child.ts', import.meta.url))
    const child = spawn(process.execPath, ['--import', 'tsx', program, etcd.address, 'book', 'a', '2000'], {
      stdio: ['pipe', 'pipe', 'inherit'],
    })
    let said = ''
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
      said += chunk
    })
    try {
      await until('the registration', () => said === 'registered\n', 30_000)
      const listening = listen(registryAt(etcd.address))
      await listening.shows(['a'])
      child.kill('SIGSTOP')
      await listening.shows([])
      child.kill('SIGCONT')
      await listening.shows(['a'])
      await until('its states', () => said.endsWith('registered\nhealing\nregistered\n'))
      await new Promise((resolve) => setTimeout(resolve, 3000))
      expect(said).toBe('registered\nhealing\nregistered\n')
      expect(await etcd.etcdctl('lease', 'list')).toContain('found 1 leases')
    } finally {
      const gone = once(child, 'exit')
      child.kill('SIGKILL')
      await gone
    }
  })

  it('survives a connection that dies without a word', { timeout: 40_000 }, async (ctx) => {
    requireEtcd(ctx)
    const etcd = using(await startEtcd())
    const proxy = using(await startProxy(etcd.address))
    const registration = await registryAt(proxy.address, { ttl: 3000 }).register(instance('a'))
    proxy.blackHole()
    await until('the loss', () => registration.state === 'healing')
    proxy.heal()
    await until('the return', () => registration.state === 'registered')
    expect(await holds(etcd)).toBe(true)
  })

  it('is tried for `timeout`, then refused with what is wrong', async () => {
    const [port] = await freePorts(2)
    const began = performance.now()
    const error = await failure(registryAt(`127.0.0.1:${port}`, { timeout: 700 }).register(instance('a')))
    expect(performance.now() - began).toBeGreaterThan(600)
    expect(error.code).toBe('unavailable')
    expect(error.message).toContain(`etcd at 127.0.0.1:${port}`)
    expect(error.message).toContain('ECONNREFUSED')
  })

  it('waits for an etcd that is just starting', async (ctx) => {
    requireEtcd(ctx)
    const etcd = using(await startEtcd())
    await etcd.kill()
    const registering = registryAt(etcd.address, { timeout: 10_000 }).register(instance('a'))
    await new Promise((resolve) => setTimeout(resolve, 500))
    await etcd.restart()
    expect((await registering).state).toBe('registered')
  })

  it('leaves nothing behind when it was refused', async (ctx) => {
    requireEtcd(ctx)
    const etcd = using(await startEtcd())
    await enableAuth(etcd, [{ name: 'app', password: 'secret', prefix: '/else/' }])
    const credentials = { username: 'app', password: 'secret' }
    const denied = await failure(registryAt(etcd.address, credentials).register(instance('a')))
    expect(denied.code).toBe('permission_denied')
    const wrong = await failure(registryAt(etcd.address, { username: 'app', password: 'no' }).register(instance('a')))
    expect(wrong.code).toBe('unauthenticated')
    expect(wrong.message).toContain('user "app"')
    await until('no lease', async () => (await etcd.etcdctl('--user', 'root:root', 'lease', 'list')).includes('found 0 leases'))
  })
})

/** Three instances, and a listener behind a proxy that has seen them. */
async function threeSeenFromAfar() {
  const etcd = using(await startEtcd())
  const proxy = using(await startProxy(etcd.address))
  const near = registryAt(etcd.address)
  const listening = listen(registryAt(proxy.address))
  const [a] = await Promise.all(['a', 'b', 'c'].map((id) => near.register(instance(id))))
  await listening.shows(['a', 'b', 'c'])
  return { etcd, proxy, near, listening, a }
}

describe('a set of instances', () => {
  it('that shrinks while etcd is out of reach is believed', async (ctx) => {
    requireEtcd(ctx)
    const { proxy, near, listening, a } = await threeSeenFromAfar()
    proxy.cut({ refuse: true })
    await a?.deregister()
    await near.register(instance('d'))
    proxy.heal()
    await listening.shows(['b', 'c', 'd'])
  })

  it('is right after what was missed has been compacted', async (ctx) => {
    requireEtcd(ctx)
    const { etcd, proxy, near, listening, a } = await threeSeenFromAfar()
    proxy.cut({ refuse: true })
    await until('the error', () => listening.errors.length > 0)
    await a?.deregister()
    await near.register(instance('d'))
    const { header } = JSON.parse(await etcd.etcdctl('put', 'x', '1', '-w', 'json'))
    await etcd.etcdctl('compact', String(header.revision))
    proxy.heal()
    await listening.shows(['b', 'c', 'd'])
    await near.register(instance('e'))
    await listening.shows(['b', 'c', 'd', 'e'])
  })

  it('is told with an error, once per outage, and kept', async (ctx) => {
    requireEtcd(ctx)
    const etcd = using(await startEtcd())
    const proxy = using(await startProxy(etcd.address))
    await registryAt(etcd.address).register(instance('a'))
    const registry = registryAt(proxy.address)
    const listening = listen(registry)
    await listening.shows(['a'])
    proxy.cut({ refuse: true })
    await until('the error', () => listening.errors.length > 0)
    await new Promise((resolve) => setTimeout(resolve, 1500))
    const late = listen(registry)
    await late.shows(['a'])
    expect([listening.errors.length, late.errors.length, listening.told.at(-1)]).toEqual([1, 1, ['a']])
    proxy.heal()
    await new Promise((resolve) => setTimeout(resolve, 2500))
    proxy.cut({ refuse: true })
    await until('the next error', () => listening.errors.length > 1)
  })

  it('is told when etcd comes to be there after all', async (ctx) => {
    requireEtcd(ctx)
    const etcd = using(await startEtcd())
    await etcd.etcdctl('put', '/micro/registry/book/a', '{"name":"book","nodes":[{"id":"a","address":"h:1"}]}')
    await etcd.kill()
    const listening = listen(registryAt(etcd.address))
    await until('the error', () => listening.errors.length > 0)
    expect(listening.errors[0]?.message).toContain('ECONNREFUSED')
    expect(listening.told).toEqual([])
    await etcd.restart()
    await listening.shows(['a'])
  })
})

describe('a logger that throws', () => {
  it('takes away neither a set nor a registration', async (ctx) => {
    requireEtcd(ctx)
    const etcd = using(await startEtcd())
    const fail = () => {
      throw new Error('on purpose')
    }
    const registry = registryAt(etcd.address, { logger: { debug: fail, info: fail, warn: fail, error: fail } })
    const registration = await registry.register(instance('a'))
    const states = statesOf(registration)
    registry.watch('book', { update: fail, error: fail })
    const listening = listen(registry)
    await listening.shows(['a'])
    await etcd.etcdctl('put', '/micro/registry/book/b', 'no record')
    await etcd.etcdctl('del', key)
    await until('it to be back', () => states.at(-1)?.[0] === 'registered')
    await listening.shows(['a'])
    await registry.close()
    expect(await holds(etcd)).toBe(false)
  })
})

describe('a listener that throws', () => {
  it('does not keep a registration from healing', async (ctx) => {
    requireEtcd(ctx)
    const etcd = using(await startEtcd())
    const { lines, logger } = recordLog()
    const registration = await registryAt(etcd.address, { logger }).register(instance('a'))
    registration.onState(() => {
      throw new Error('on purpose')
    })
    await etcd.etcdctl('del', key)
    await until('it to be back', () => lines.some((line) => line.includes('is back after')))
    expect(await holds(etcd)).toBe(true)
    expect(lines.filter((line) => line.startsWith('error'))).toHaveLength(2)
  })
})
