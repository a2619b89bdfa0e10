import { describe, expect, it } from 'vitest'
import type { RpcError } from '../../../src/error.ts'
import { type EtcdClient, etcdClient, type Txn } from '../../../src/etcd/index.ts'
import { createBatches } from '../../../src/registries/etcd/batches.ts'
import type { Change } from '../../../src/registries/etcd/change.ts'
import { failure } from '../../support/context.ts'
import { type EtcdProcessOptions, enableAuth, requireEtcd, startEtcd } from '../../support/etcd.ts'
import { using } from './bench.ts'

/** A client of an etcd of its own, which keeps what transactions were sent. */
async function start(options: EtcdProcessOptions = {}) {
  const etcd = using(await startEtcd(options))
  const client = etcdClient({ endpoints: [etcd.address] })
  using({ [Symbol.asyncDispose]: () => client.close() })
  return { etcd, client, ...observe(client) }
}

function observe(client: EtcdClient) {
  const sent: Txn[] = []
  const txn: EtcdClient['txn'] = (one, options) => {
    sent.push(one)
    return client.txn(one, options)
  }
  return { sent, batches: createBatches({ name: client.name, txn }) }
}

const add = (key: string, value = 'new'): Change => ({ conditions: [{ key, version: 0 }], puts: new Map([[key, value]]) })
const names = (count: number) => Array.from({ length: count }, (_, i) => `k${100 + i}`)

describe('batches', () => {
  it('take what is asked for in a tick together, as many as etcd allows, and a single one at once', async (ctx) => {
    requireEtcd(ctx)
    const { client, sent, batches } = await start()
    expect(batches.movedAt).toBe(Number.NEGATIVE_INFINITY)
    const before = performance.now()
    await batches.change(add('single'))
    expect(sent).toHaveLength(1)
    expect(batches.movedAt).toBeGreaterThanOrEqual(before)
    const done = await Promise.all(names(300).map((key) => batches.change(add(key))))
    expect(sent.slice(1).map(({ success }) => success?.length)).toEqual([128, 128, 44])
    expect(new Set(done.map(({ revision }) => revision)).size).toBe(3)
    expect((await client.range({ prefix: 'k' })).kvs.map(({ keyText }) => keyText)).toEqual(names(300))
  })

  it('do no change whose conditions do not hold, tell what is there, and do all the others', async (ctx) => {
    requireEtcd(ctx)
    const { client, sent, batches } = await start()
    await client.put('k107', 'old')
    await client.put('k113', 'old')
    const done = await Promise.all(names(20).map((key) => batches.change(add(key))))
    const failed = done.flatMap(({ succeeded, found }, i) => (succeeded ? [] : [[i, found.map(({ keyText, text }) => [keyText, text])]]))
    expect(failed).toEqual([
      [7, [['k107', 'old']]],
      [13, [['k113', 'old']]],
    ])
    expect(sent).toHaveLength(2)
    const values = (await client.range({ prefix: 'k' })).kvs.map(({ text }) => text)
    expect(values.filter((text) => text === 'new')).toHaveLength(18)
  })

  it('know by lease and revision what holds, as etcd does', async (ctx) => {
    requireEtcd(ctx)
    const { client, batches } = await start()
    const lease = await client.grant(60_000)
    const { revision } = await client.put('a', 'old', { lease: lease.id })
    const all = await Promise.all([
      batches.change({ conditions: [{ key: 'a', modRevision: revision + 1 }], deletes: ['x'] }),
      batches.change({ conditions: [{ key: 'a', lease: lease.id }], deletes: ['y'] }),
      batches.change({ conditions: [{ key: 'b', lease: 0n }], deletes: ['b'] }),
      batches.change({ conditions: [{ key: 'c', lease: lease.id }], deletes: ['c'] }),
      batches.change({ conditions: [], deletes: ['z'] }),
    ])
    expect(all.map(({ succeeded }) => succeeded)).toEqual([false, true, true, false, true])
  })

  it('write a key that two of them have one after the other, since etcd refuses it in one transaction', async (ctx) => {
    requireEtcd(ctx)
    const { client, sent, batches } = await start()
    const values = ['first', 'second']
    const done = await Promise.all(values.map((value) => batches.change({ conditions: [], puts: new Map([['same', value]]) })))
    expect(done.map(({ succeeded }) => succeeded)).toEqual([true, true])
    expect(sent).toHaveLength(2)
    expect((await client.get('same'))?.version).toBe(2)
  })

  it('learn how many operations an etcd takes that takes fewer', async (ctx) => {
    requireEtcd(ctx)
    const { client, sent, batches } = await start({ args: ['--max-txn-ops=16'] })
    await Promise.all(names(200).map((key) => batches.change(add(key))))
    expect((await client.range({ prefix: 'k', countOnly: true })).count).toBe(200)
    const learning = sent.length
    const all = names(160).map((key) => `${key}-more`)
    await Promise.all(all.map((key) => batches.change(add(key))))
    expect(sent.slice(learning).map(({ success }) => success?.length)).toEqual(Array(10).fill(16))
  })

  it('learn how large a request an etcd takes that takes less, and fail only what is too large by itself', async (ctx) => {
    requireEtcd(ctx)
    const { client, batches } = await start({ args: ['--max-request-bytes=100000'] })
    const large = failure(batches.change(add('large', 'x'.repeat(110_000))))
    await Promise.all(names(50).map((key) => batches.change(add(key, 'x'.repeat(10_000)))))
    expect((await client.range({ prefix: 'k', countOnly: true })).count).toBe(50)
    expect((await large).message).toContain('request is too large')
  })

  it('fail only what the user may not do', async (ctx) => {
    requireEtcd(ctx)
    const { etcd } = await start()
    await enableAuth(etcd, [{ name: 'app', password: 'secret', prefix: 'k' }])
    const client = etcdClient({ endpoints: [etcd.address], username: 'app', password: 'secret' })
    using({ [Symbol.asyncDispose]: () => client.close() })
    const { batches } = observe(client)
    const denied = failure(batches.change(add('else')))
    const all = await Promise.all(names(50).map((key) => batches.change(add(key))))
    expect(all.every(({ succeeded }) => succeeded)).toBe(true)
    expect((await denied).code).toBe('permission_denied')
    const gone = await client.range({ prefix: 'k', countOnly: true })
    expect(gone.count).toBe(50)
  })

  it('fail all that goes with a lease that is gone, by one request, and nothing else', async (ctx) => {
    requireEtcd(ctx)
    const { client, sent, batches } = await start()
    const lease = await client.grant(60_000)
    await client.revoke(lease.id)
    const change = (key: string) => batches.change({ ...add(key), lease: lease.id })
    const lost = names(1000).map((key) => change(key).catch(({ code }: RpcError) => code))
    const kept = batches.change(add('kept'))
    expect(new Set(await Promise.all(lost))).toEqual(new Set(['not_found']))
    expect((await kept).succeeded).toBe(true)
    expect(sent.length).toBeLessThanOrEqual(5)
  })
})
