import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type EtcdClient, type EtcdOptions, etcdClient, type WatchEvent } from '../../src/etcd/index.ts'
import { failure } from '../support/context.ts'
import { until } from '../support/echo.ts'
import { type EtcdProcess, etcdMissing, requireEtcd, startEtcd } from '../support/etcd.ts'

let etcd: EtcdProcess
let client: EtcdClient
beforeAll(async () => {
  if (etcdMissing() !== undefined) return
  etcd = await startEtcd()
  client = etcdClient({ endpoints: [etcd.address] })
})
afterAll(async () => {
  await client?.close()
  await etcd?.stop()
})

describe('kv', () => {
  it('puts, gets and deletes', async (ctx) => {
    requireEtcd(ctx)
    expect(await client.get('kv/a')).toBeUndefined()
    const { revision } = await client.put('kv/a', '1')
    const kv = await client.get('kv/a')
    expect([kv?.keyText, kv?.text, kv?.modRevision, kv?.createRevision, kv?.version]).toEqual(['kv/a', '1', revision, revision, 1])
    expect((await client.put('kv/a', '2', { previous: true })).previous?.text).toBe('1')
    expect((await client.get('kv/a', { revision }))?.text).toBe('1')
    const { deleted, previous } = await client.delete({ key: 'kv/a' }, { previous: true })
    expect([deleted, previous[0]?.text]).toEqual([1, '2'])
  })

  it('keeps bytes that are no text as they are', async (ctx) => {
    requireEtcd(ctx)
    const bytes = Uint8Array.of(0, 0xff, 0x80, 10)
    await client.put(bytes, bytes)
    const kv = await client.get(bytes)
    expect([...(kv?.key ?? []), ...(kv?.value ?? [])]).toEqual([...bytes, ...bytes])
  })

  it('reads ranges: prefix, limit, count, keys only, order', async (ctx) => {
    requireEtcd(ctx)
    for (const key of ['r/1', 'r/2', 'r/3', 'r0']) await client.put(key, `v${key}`)
    const texts = async (range: Parameters<EtcdClient['range']>[0]) => (await client.range(range)).kvs.map(({ keyText }) => keyText)
    expect(await texts({ prefix: 'r/' })).toEqual(['r/1', 'r/2', 'r/3'])
    expect(await texts({ from: 'r/2', to: 'r0' })).toEqual(['r/2', 'r/3'])
    expect(await texts({ prefix: 'r/', sort: { by: 'key', order: 'descend' } })).toEqual(['r/3', 'r/2', 'r/1'])
    const limited = await client.range({ prefix: 'r/', limit: 2 })
    expect([limited.kvs.length, limited.more, limited.count]).toEqual([2, true, 3])
    expect((await client.range({ prefix: 'r/', countOnly: true })).count).toBe(3)
    expect((await client.range({ prefix: 'r/', keysOnly: true })).kvs.map(({ text }) => text)).toEqual(['', '', ''])
  })

  it('reads pages as of one revision, whatever is written between them', async (ctx) => {
    requireEtcd(ctx)
    for (let i = 0; i < 5; i++) await client.put(`p/${i}`, 'old')
    const seen: string[] = []
    for await (const { kvs } of client.pages({ prefix: 'p/', limit: 2 })) {
      seen.push(...kvs.map(({ keyText, text }) => `${keyText}=${text}`))
      await client.put('p/4', 'new')
      await client.put('p/9', 'new')
    }
    expect(seen).toEqual(['p/0=old', 'p/1=old', 'p/2=old', 'p/3=old', 'p/4=old'])
  })

  it('says that a revision is compacted', async (ctx) => {
    requireEtcd(ctx)
    const { revision } = await client.put('c', '1')
    await client.put('c', '2')
    await client.compact(revision + 1)
    const error = await failure(client.get('c', { revision }))
    expect(error.code).toBe('out_of_range')
    expect(error.message).toContain(`etcd at ${etcd.address}: etcdserver: mvcc: required revision has been compacted`)
  })
})

describe('txn', () => {
  it('does one side or the other, in one revision', async (ctx) => {
    requireEtcd(ctx)
    const create = {
      compare: [{ key: 't/a', version: 0 }],
      success: [
        { put: 't/a', value: '1' },
        { put: 't/b', value: '1' },
      ],
      failure: [{ get: { prefix: 't/' } }],
    } as const
    const first = await client.txn(create)
    expect(first.succeeded).toBe(true)
    expect(first.results).toEqual([{ put: { revision: first.revision } }, { put: { revision: first.revision } }])
    const second = await client.txn(create)
    expect(second.succeeded).toBe(false)
    const [result] = second.results
    expect(result && 'get' in result && result.get.kvs.map(({ keyText }) => keyText)).toEqual(['t/a', 't/b'])
  })

  it('compares version, revisions, value and lease, each way', async (ctx) => {
    requireEtcd(ctx)
    const { revision } = await client.put('t/c', 'm')
    const holds = async (...compare: Parameters<EtcdClient['txn']>[0]['compare'] & object) => (await client.txn({ compare })).succeeded
    expect(await holds({ key: 't/c', version: 1 }, { key: 't/c', modRevision: revision }, { key: 't/c', createRevision: revision })).toBe(
      true,
    )
    expect(await holds({ key: 't/c', value: 'm' }, { key: 't/c', is: '>', value: 'a' }, { key: 't/c', is: '<', value: 'z' })).toBe(true)
    expect(await holds({ key: 't/c', lease: 0n }, { key: 't/c', is: '!=', value: 'a' })).toBe(true)
    expect(await holds({ key: 't/c', is: '!=', value: 'm' })).toBe(false)
  })

  it('nests and deletes', async (ctx) => {
    requireEtcd(ctx)
    await client.put('t/d', '1')
    const { results } = await client.txn({ success: [{ txn: { success: [{ delete: { key: 't/d' }, previous: true }] } }] })
    expect(results).toMatchObject([{ txn: { succeeded: true, results: [{ delete: { deleted: 1, previous: [{ text: '1' }] } }] } }])
  })
})

describe('lease', () => {
  it('lives for longer than its TTL and takes its keys along when revoked', async (ctx) => {
    requireEtcd(ctx)
    const lease = await client.grant(3000)
    await client.put('l/a', '1', { lease: lease.id })
    await new Promise((resolve) => setTimeout(resolve, 5000))
    expect(lease.state).toBe('held')
    expect(lease.remaining).toBeGreaterThan(0)
    const status = await client.timeToLive(lease.id, { keys: true })
    expect([status.ttl, status.keys.length]).toEqual([3000, 1])
    expect(await client.leases()).toContain(lease.id)
    await lease.revoke()
    await lease.revoke()
    expect([lease.state, lease.remaining]).toEqual(['revoked', 0])
    expect(await client.get('l/a')).toBeUndefined()
  })

  it('tells once that it was revoked by somebody else', async (ctx) => {
    requireEtcd(ctx)
    const lease = await client.grant(3000)
    const lost: string[] = []
    lease.onLost((error) => lost.push(error.code))
    await client.revoke(lease.id)
    await until('the loss', () => lease.state === 'lost')
    expect(lost).toEqual(['not_found'])
    const late: string[] = []
    lease.onLost((error) => late.push(error.code))
    await until('the loss, told late', () => late.length > 0)
    expect(lost).toHaveLength(1)
  })

  it('refuses a TTL under a second', async () => {
    expect((await failure(client.grant(10))).message).toContain('ttl (ms) must be a number ≥ 1000')
  })
})

describe('watch', () => {
  function record(options: Omit<Parameters<EtcdClient['watch']>[0], 'listener'> & object) {
    const log: string[] = []
    const batches: (readonly WatchEvent[])[] = []
    const watch = client.watch({
      ...(options as { prefix: string }),
      listener: {
        events(events) {
          batches.push(events)
          log.push(...events.map(({ type, kv, previous }) => `${type} ${kv.keyText} ${previous?.text ?? '-'}>${kv.text}`))
        },
        compacted: (revision) => log.push(`compacted ${revision}`),
        error: (error) => log.push(error.message),
      },
    })
    return { log, batches, watch }
  }

  it('hears what is put and deleted, with what was there before', async (ctx) => {
    requireEtcd(ctx)
    const { log, watch } = record({ prefix: 'w/', previous: true } as never)
    await watch.created
    await client.put('w/a', '1')
    await client.put('w/a', '2')
    await client.put('w0', 'not under the prefix')
    await client.delete({ key: 'w/a' })
    await until('three events', () => log.length >= 3)
    expect(log).toEqual(['put w/a ->1', 'put w/a 1>2', 'delete w/a 2>'])
    watch.cancel()
    watch.cancel()
    await client.put('w/a', '3')
    expect(log).toHaveLength(3)
  })

  it('hears the past from a revision on', async (ctx) => {
    requireEtcd(ctx)
    const { revision } = await client.put('w2/a', '1')
    await client.put('w2/a', '2')
    const { log, watch } = record({ prefix: 'w2/', startRevision: revision } as never)
    await until('two events', () => log.length >= 2)
    expect(log).toEqual(['put w2/a ->1', 'put w2/a ->2'])
    watch.cancel()
  })

  it('hears all changes of one transaction in one go', async (ctx) => {
    requireEtcd(ctx)
    const { batches, watch } = record({ prefix: 'w3/' } as never)
    await watch.created
    await client.txn({ success: Array.from({ length: 100 }, (_, i) => ({ put: `w3/${i}`, value: 'x'.repeat(1000) })) })
    await until('events', () => batches.length > 0)
    expect(batches.map(({ length }) => length)).toEqual([100])
    watch.cancel()
  })

  it('joins what etcd sends in fragments', async (ctx) => {
    requireEtcd(ctx)
    // Over 1.5 MiB, etcd cuts a response: 40 values of 50 KiB, written before and then heard at once.
    const value = 'x'.repeat(50 * 1024)
    const { revision } = await client.put('w4/0', value)
    for (let i = 1; i < 40; i++) await client.put(`w4/${i}`, value)
    const { batches, watch } = record({ prefix: 'w4/', startRevision: revision } as never)
    await until('forty events', () => batches.flat().length >= 40)
    expect(batches.flat().map(({ kv }) => kv.modRevision)).toEqual(Array.from({ length: 40 }, (_, i) => revision + i))
    watch.cancel()
  })

  it('shares one stream among many watches', async (ctx) => {
    requireEtcd(ctx)
    const all = Array.from({ length: 50 }, (_, i) => record({ key: `w5/${i}` } as never))
    await Promise.all(all.map(({ watch }) => watch.created))
    for (let i = 0; i < 50; i++) await client.put(`w5/${i}`, `${i}`)
    await until('an event for each', () => all.every(({ log }) => log.length > 0))
    expect(all.map(({ log }) => log)).toEqual(all.map((_, i) => [`put w5/${i} ->${i}`]))
    const metrics = await (await fetch(`http://${etcd.address}/metrics`)).text()
    expect(metrics).toMatch(/etcd_debugging_mvcc_watch_stream_total 1\n/)
    for (const { watch } of all) watch.cancel()
  })

  it('says that the past it is to begin with is compacted', async (ctx) => {
    requireEtcd(ctx)
    const { revision } = await client.put('w6/a', '1')
    await client.put('w6/a', '2')
    await client.compact(revision + 1)
    const { log } = record({ prefix: 'w6/', startRevision: revision } as never)
    await until('the end', () => log.length > 0)
    expect(log).toEqual([`compacted ${revision + 1}`])
  })

  it('says that the store has not come to the revision it is to begin with', async (ctx) => {
    requireEtcd(ctx)
    const { revision } = await client.put('w7', '1')
    const { log } = record({ prefix: 'w7', startRevision: revision + 100 } as never)
    await until('the end', () => log.length > 0)
    expect(log).toEqual([`compacted ${revision}`])
  })

  it('does not let a listener that throws take events from the others', async (ctx) => {
    requireEtcd(ctx)
    const bad = client.watch({
      prefix: 'w8/',
      listener: {
        events() {
          throw new Error('on purpose')
        },
        compacted() {},
        error() {},
      },
    })
    const { log, watch } = record({ prefix: 'w8/' } as never)
    await watch.created
    await client.put('w8/a', '1')
    await client.put('w8/a', '2')
    await until('both events', () => log.length >= 2)
    bad.cancel()
    watch.cancel()
  })
})

describe('maintenance', () => {
  it('tells status and members', async (ctx) => {
    requireEtcd(ctx)
    const status = await client.status()
    expect(status.version).toMatch(/^3\./)
    expect(status.leader).toBe(status.member)
    expect(status.revision).toBe((await client.range({ prefix: 'x', countOnly: true })).revision)
    const [member] = await client.members()
    expect([member?.id, member?.name, member?.clientUrls]).toEqual([status.member, 'e0', [`http://${etcd.address}`]])
  })
})

describe('options', () => {
  it.each([
    [{ endpoints: [] }, 'etcd: endpoints must name at least one address'],
    [{ timeout: 0 }, 'etcd: timeout (ms) must be'],
    [{ keepalive: { interval: 2000 } }, 'etcd: keepalive.interval (ms) must be a number ≥ 5000, got 2000'],
    [{ keepalive: { timeout: Number.NaN } }, 'etcd: keepalive.timeout (ms) must be'],
    [{ username: 'u' }, 'etcd: username and password must be given together'],
    [{ endpoints: ['http://h'], tls: {} }, 'etcd: tls is given, but the endpoints are http://'],
    [{ endpoints: ['https://h'], tls: false }, 'etcd: tls is false, but the endpoints are https://'],
  ] satisfies [EtcdOptions, string][])('refuses %j', (options, message) => {
    expect(() => etcdClient(options)).toThrow(`invalid_argument: ${message}`)
  })

  it('has a name that says where etcd is', () => {
    expect(etcdClient().name).toBe('etcd at 127.0.0.1:2379')
    expect(etcdClient({ endpoints: ['a', 'b:1'] }).name).toBe('etcd at a:2379,b:1')
  })
})
