import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterEach, describe, expect, it } from 'vitest'
import { type EtcdClient, type EtcdOptions, etcdClient, type Lease } from '../../src/etcd/index.ts'
import { failure } from '../support/context.ts'
import { until } from '../support/echo.ts'
import { type EtcdProcess, freePorts, requireEtcd, startCluster, startEtcd } from '../support/etcd.ts'
import { startProxy } from '../support/proxy.ts'

const cleanups: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

function using<T extends AsyncDisposable>(resource: T): T {
  cleanups.push(async () => resource[Symbol.asyncDispose]())
  return resource
}

function connect(...endpoints: string[]): EtcdClient {
  // The first draw is for the endpoint to begin at: the first; the others are for waits.
  let draws = 0
  return connectWith({ endpoints, random: () => (draws++ === 0 ? 0 : Math.random()) })
}

function connectWith(options: EtcdOptions): EtcdClient {
  const client = etcdClient(options)
  cleanups.push(() => client.close())
  return client
}

async function etcdAndClient(): Promise<{ etcd: EtcdProcess; client: EtcdClient }> {
  const etcd = using(await startEtcd())
  return { etcd, client: connect(etcd.address) }
}

/** Watches a prefix and keeps what is told: events as `key=value`, and everything else by its name. */
function follow(client: EtcdClient, prefix: string, startRevision?: number) {
  const log: string[] = []
  const events: string[] = []
  const watch = client.watch({
    prefix,
    startRevision,
    listener: {
      events: (all) => void events.push(...all.map(({ kv }) => `${kv.keyText}=${kv.text}`)),
      compacted: (revision) => void log.push(`compacted ${revision}`),
      error: (error) => void log.push(error.message),
      interrupted: () => void log.push('interrupted'),
      resumed: () => void log.push('resumed'),
    },
  })
  return { log, events, watch }
}

function losses(lease: Lease): string[] {
  const lost: string[] = []
  lease.onLost(({ message }) => lost.push(message))
  return lost
}

describe('an etcd that is not there', () => {
  it('fails a call at once, naming every endpoint and why', async () => {
    const [one, two] = await freePorts(2)
    const began = performance.now()
    const single = await failure(connect(`127.0.0.1:${one}`).get('a'))
    expect(single.code).toBe('unavailable')
    expect(single.message).toContain(`etcd at 127.0.0.1:${one}: `)
    expect(single.message).toContain('ECONNREFUSED')
    const several = await failure(connect(`127.0.0.1:${one}`, `127.0.0.1:${two}`).put('a', '1'))
    expect(several.message).toContain(`etcd at 127.0.0.1:${one},127.0.0.1:${two}: `)
    expect(several.rawMessage.match(/ECONNREFUSED/g)?.length).toBeGreaterThanOrEqual(2)
    expect(performance.now() - began).toBeLessThan(4000)
  })

  it('goes by way of an endpoint that is', async (ctx) => {
    requireEtcd(ctx)
    const [dead] = await freePorts(2)
    const etcd = using(await startEtcd())
    const client = connect(`127.0.0.1:${dead}`, etcd.address)
    await client.put('a', '1')
    expect((await client.get('a'))?.text).toBe('1')
  })

  it('says in time that a watch could not be created, and creates it later', async (ctx) => {
    requireEtcd(ctx)
    const etcd = using(await startEtcd())
    await etcd.kill()
    const client = connect(etcd.address)
    const { watch, events } = (() => {
      const events: string[] = []
      const listener = {
        events: (all: readonly { kv: { text: string } }[]) => void events.push(...all.map(({ kv }) => kv.text)),
        compacted() {},
        error() {},
      }
      return { events, watch: client.watch({ prefix: 'a', timeout: 300, listener }) }
    })()
    const error = await failure(watch.created)
    expect(error.code).toBe('deadline_exceeded')
    expect(error.message).toContain('ECONNREFUSED')
    await etcd.restart()
    await until('the event', async () => {
      await client.put('a', '1')
      return events.length > 0
    })
  })
})

describe('an etcd that is killed', () => {
  it('costs neither a lease nor an event when it is back within the TTL', async (ctx) => {
    requireEtcd(ctx)
    const { etcd, client } = await etcdAndClient()
    const lease = await client.grant(5000)
    const lost = losses(lease)
    await client.put('k/lease', '1', { lease: lease.id })
    const { log, events, watch } = follow(client, 'k/')
    await watch.created
    await etcd.kill()
    await until('the interruption', () => log.includes('interrupted'))
    await etcd.restart()
    await etcd.etcdctl('put', 'k/after', 'restart')
    await until('the event', () => events.includes('k/after=restart'))
    await new Promise((resolve) => setTimeout(resolve, 5500))
    expect((await client.get('k/lease'))?.text).toBe('1')
    expect([lease.state, lost.length, log]).toEqual(['held', 0, ['interrupted', 'resumed']])
  })

  it('loses a lease once, at its TTL and not later', async (ctx) => {
    requireEtcd(ctx)
    const { etcd, client } = await etcdAndClient()
    const lease = await client.grant(2000)
    const lost = losses(lease)
    // A timer of this process is late where the lease's own is.
    const ttl = new Promise((resolve) => setTimeout(() => resolve([...lost]), 2200))
    await etcd.kill()
    expect(await ttl).toHaveLength(1)
    expect(lease.remaining).toBe(0)
    await etcd.restart()
    await new Promise((resolve) => setTimeout(resolve, 1000))
    expect(lost).toHaveLength(1)
    expect(lost[0]).toContain('not renewed for its 2 s')
  })

  it('tells a watch that the store is another when it comes back empty', async (ctx) => {
    requireEtcd(ctx)
    const { etcd, client } = await etcdAndClient()
    for (let i = 0; i < 5; i++) await client.put('e/a', `${i}`)
    const { log, watch } = follow(client, 'e/')
    await watch.created
    await etcd.restart({ empty: true })
    await until('the end', () => log.length >= 2)
    expect(log).toEqual(['interrupted', 'compacted 1'])
  })
})

describe('a connection that is cut', () => {
  it('loses no event', async (ctx) => {
    requireEtcd(ctx)
    const etcd = using(await startEtcd())
    const proxy = using(await startProxy(etcd.address))
    const [near, far] = [connect(etcd.address), connect(proxy.address)]
    const { events, watch } = follow(far, 'c/')
    await watch.created
    for (let i = 0; i < 100; i++) {
      if (i % 10 === 5) proxy.cut()
      await near.put('c/a', `${i}`)
    }
    await until('all events', () => events.length >= 100)
    expect(events).toEqual(Array.from({ length: 100 }, (_, i) => `c/a=${i}`))
  })

  it('says so when what was missed has been compacted', async (ctx) => {
    requireEtcd(ctx)
    const etcd = using(await startEtcd())
    const proxy = using(await startProxy(etcd.address))
    const [near, far] = [connect(etcd.address), connect(proxy.address)]
    const { log, events, watch } = follow(far, 'c/')
    await watch.created
    proxy.cut({ refuse: true })
    let revision = 0
    for (let i = 0; i < 20; i++) revision = (await near.put('c/a', `${i}`)).revision
    await near.compact(revision)
    proxy.heal()
    await until('the end', () => log.some((line) => line.startsWith('compacted')))
    expect([log.at(-1), events]).toEqual([`compacted ${revision}`, []])
  })

  it('is made anew with growing waits, not in a hot loop', async (ctx) => {
    requireEtcd(ctx)
    const etcd = using(await startEtcd())
    const proxy = using(await startProxy(etcd.address))
    const client = connect(proxy.address)
    const { watch, log } = follow(client, 'c/')
    await watch.created
    await client.grant(60_000)
    proxy.cut({ refuse: true })
    await until('the interruption', () => log.includes('interrupted'))
    const before = proxy.accepted
    await new Promise((resolve) => setTimeout(resolve, 3000))
    expect(proxy.accepted - before).toBeLessThan(40)
    proxy.heal()
    await until('the resumption', () => log.includes('resumed'))
  })
})

describe('a connection that is half-open', () => {
  it('is noticed by a lease in time to be kept by way of another endpoint', async (ctx) => {
    requireEtcd(ctx)
    const etcd = using(await startEtcd())
    const [one, two] = [using(await startProxy(etcd.address)), using(await startProxy(etcd.address))]
    const client = connect(one.address, two.address)
    const lease = await client.grant(6000)
    const lost = losses(lease)
    one.blackHole()
    await until('the other way', () => two.connections > 0)
    await new Promise((resolve) => setTimeout(resolve, 7000))
    expect([lease.state, lost.length]).toEqual(['held', 0])
    expect((await client.timeToLive(lease.id)).remaining).toBeGreaterThan(0)
  })

  it('is noticed by a watch within the keep-alive, and events that were missed follow', async (ctx) => {
    requireEtcd(ctx)
    const etcd = using(await startEtcd())
    const proxy = using(await startProxy(etcd.address))
    const near = connect(etcd.address)
    const far = connectWith({ endpoints: [proxy.address], keepalive: { interval: 5000, timeout: 1000 } })
    const { log, events, watch } = follow(far, 'h/')
    await watch.created
    proxy.blackHole()
    const began = performance.now()
    await near.put('h/a', 'missed')
    await until('the interruption', () => log.includes('interrupted'))
    // By default it would be 14 s.
    expect(performance.now() - began).toBeLessThan(12_000)
    proxy.heal()
    await until('the event', () => events.includes('h/a=missed'))
  })
})

describe('a process that has nothing more to do', () => {
  it('ends, whatever it holds at etcd', { timeout: 40_000 }, async (ctx) => {
    requireEtcd(ctx)
    const etcd = using(await startEtcd())
    const program = fileURLToPath(new URL('lingering.ts', import.meta.url))
    const { stdout } = await promisify(execFile)(process.execPath, ['--import', 'tsx', program, etcd.address], { timeout: 30_000 })
    expect(stdout).not.toContain('Error')
  })
})

describe('a connection on which nothing happens', () => {
  it('is left alone', async (ctx) => {
    requireEtcd(ctx)
    const etcd = using(await startEtcd())
    const client = connectWith({ endpoints: [etcd.address], keepalive: { interval: 5000, timeout: 1000 } })
    const { log, watch } = follow(client, 'q/')
    await watch.created
    await new Promise((resolve) => setTimeout(resolve, 13_000))
    expect(log).toEqual([])
  })
})

describe('a cluster that loses its leader', () => {
  it('goes on by way of the others', { timeout: 60_000 }, async (ctx) => {
    requireEtcd(ctx)
    const members = (await startCluster(3)).map(using)
    const client = connect(...members.map(({ address }) => address))
    const lease = await client.grant(5000)
    const lost = losses(lease)
    await client.put('n/lease', '1', { lease: lease.id })
    const { events, watch } = follow(client, 'n/')
    await watch.created
    const { leader } = await client.status()
    const names = await client.members()
    const name = names.find(({ id }) => id === leader)?.name
    const [killed] = members.splice(Number(name?.slice(1)), 1)
    await killed?.kill()
    await until('a write', () =>
      client.put('n/a', 'after').then(
        () => true,
        () => false,
      ),
    )
    await until('the event', () => events.includes('n/a=after'))
    // Also the one that the client is at now.
    await new Promise((resolve) => setTimeout(resolve, 6000))
    expect([lease.state, lost.length]).toEqual(['held', 0])
    expect((await client.get('n/lease'))?.text).toBe('1')
  })

  it('leaves a member that hangs in time to keep a lease', { timeout: 60_000 }, async (ctx) => {
    requireEtcd(ctx)
    const members = (await startCluster(3)).map(using)
    const client = connect(...members.map(({ address }) => address))
    const lease = await client.grant(5000)
    const lost = losses(lease)
    const { events, watch } = follow(client, 'n/')
    await watch.created
    members[0]?.pause()
    await new Promise((resolve) => setTimeout(resolve, 6000))
    expect([lease.state, lost.length]).toEqual(['held', 0])
    await client.put('n/a', 'by another')
    await until('the event', () => events.includes('n/a=by another'))
  })
})
