import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { type EtcdClient, type EtcdOptions, etcdClient } from '../../src/etcd/index.ts'
import { failure } from '../support/context.ts'
import { until } from '../support/echo.ts'
import { type EtcdProcess, enableAuth, etcdMissing, requireEtcd, startEtcd } from '../support/etcd.ts'

let etcd: EtcdProcess
const clients: EtcdClient[] = []

beforeAll(async () => {
  if (etcdMissing() !== undefined) return
  etcd = await startEtcd()
  await enableAuth(etcd, [{ name: 'app', password: 'secret', prefix: 'app/' }])
})
afterEach(async () => {
  for (const client of clients.splice(0)) await client.close()
})
afterAll(() => etcd?.stop())

function connect(options: EtcdOptions = { username: 'app', password: 'secret' }): EtcdClient {
  const client = etcdClient({ endpoints: [etcd.address], ...options })
  clients.push(client)
  return client
}

function follow(client: EtcdClient, prefix: string) {
  const events: string[] = []
  const log: string[] = []
  const watch = client.watch({
    prefix,
    listener: {
      events: (all) => void events.push(...all.map(({ kv }) => `${kv.keyText}=${kv.text}`)),
      compacted: (revision) => void log.push(`compacted ${revision}`),
      error: (error) => void log.push(error.message),
      interrupted: () => void log.push('interrupted'),
    },
  })
  return { events, log, watch }
}

describe('etcd with authentication', () => {
  it('lets a user with the password in', async (ctx) => {
    requireEtcd(ctx)
    const client = connect()
    await client.put('app/a', '1')
    expect((await client.get('app/a'))?.text).toBe('1')
  })

  it('turns a wrong password away, naming the user', async (ctx) => {
    requireEtcd(ctx)
    const client = connect({ username: 'app', password: 'wrong' })
    const error = await failure(client.get('app/a'))
    expect(error.code).toBe('unauthenticated')
    expect(error.message).toContain(`etcd at ${etcd.address}`)
    expect(error.message).toContain('user "app"')
    expect(error.message).not.toContain('wrong')
  })

  it('says what is missing to a client without credentials', async (ctx) => {
    requireEtcd(ctx)
    expect((await failure(connect({}).get('app/a'))).message).toContain('etcdserver: user name is empty')
  })

  it('refuses what the role does not allow', async (ctx) => {
    requireEtcd(ctx)
    const error = await failure(connect().put('other/a', '1'))
    expect([error.code, error.rawMessage]).toEqual(['permission_denied', `etcd at ${etcd.address}: etcdserver: permission denied`])
  })

  it('ends a watch that the role does not allow, and lets the others go on', async (ctx) => {
    requireEtcd(ctx)
    const client = connect()
    const allowed = follow(client, 'app/')
    await allowed.watch.created
    const refused = follow(client, 'other/')
    expect((await failure(refused.watch.created)).code).toBe('permission_denied')
    expect(refused.log.at(-1)).toContain('permission denied')
    await client.put('app/b', '1')
    await until('the event', () => allowed.events.includes('app/b=1'))
  })

  it('renews a token that etcd has forgotten, for calls, watches and leases alike', async (ctx) => {
    requireEtcd(ctx)
    const client = connect()
    const lease = await client.grant(5000)
    await client.put('app/lease', '1', { lease: lease.id })
    const { events, watch } = follow(client, 'app/')
    await watch.created
    await etcd.restart()
    await client.put('app/c', 'by call')
    await until('the event', () => events.includes('app/c=by call'))
    expect(lease.state).toBe('held')
    // And for a watch alone, where no call has renewed it.
    await etcd.restart()
    const other = connect()
    await other.put('app/d', 'by watch')
    await until('the event', () => events.includes('app/d=by watch'))
  })

  it('authenticates once for many calls', async (ctx) => {
    requireEtcd(ctx)
    const counted = async () => {
      const text = await (await fetch(`http://${etcd.address}/metrics`)).text()
      return Number(/grpc_server_handled_total{grpc_code="OK",grpc_method="Authenticate"[^}]*} (\d+)/.exec(text)?.[1] ?? 0)
    }
    const before = await counted()
    const client = connect()
    await Promise.all(Array.from({ length: 50 }, () => client.get('app/a')))
    expect((await counted()) - before).toBe(1)
  })
})

describe('etcd without authentication', () => {
  it('does not mind credentials', async (ctx) => {
    requireEtcd(ctx)
    const open = await startEtcd()
    const client = connect({ endpoints: [open.address], username: 'app', password: 'secret' })
    await client.put('a', '1')
    expect((await client.get('a'))?.text).toBe('1')
    await client.close()
    await open.stop()
  })
})

describe('etcd with TLS', () => {
  it('is spoken to with its authority known, and not without', async (ctx) => {
    requireEtcd(ctx)
    await using secure = await startEtcd({ tls: 'server' })
    const { address, certificates } = secure
    const ca = certificates?.ca
    const client = connect({ endpoints: [`https://${address}`], tls: { ca } })
    await client.put('a', '1')
    expect((await client.get('a'))?.text).toBe('1')
    const unknown = await failure(connect({ endpoints: [`https://${address}`] }).get('a'))
    expect(unknown.code).toBe('unavailable')
    expect(unknown.message).toMatch(/certificate/)
    const plain = await failure(connect({ endpoints: [address] }).get('a'))
    expect(plain.code).toBe('unavailable')
    expect(plain.message).toContain(address)
  })

  it('is spoken to with a certificate where it asks for one', async (ctx) => {
    requireEtcd(ctx)
    await using secure = await startEtcd({ tls: 'mutual' })
    const { address, certificates: { ca, cert, key } = {} } = secure
    const client = connect({ endpoints: [address], tls: { ca, cert, key } })
    await client.put('a', '1')
    const lease = await client.grant(2000)
    await client.close()
    expect(lease.state).toBe('held')
    const bare = await failure(connect({ endpoints: [address], tls: { ca } }).get('a'))
    expect(bare.code).toBe('unavailable')
    expect(bare.message).toMatch(/certificate|alert/)
  })
})
