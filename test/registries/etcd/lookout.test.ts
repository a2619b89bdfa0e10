import { describe, expect, it } from 'vitest'
import { etcdClient } from '../../../src/etcd/index.ts'
import { createLookout } from '../../../src/registries/etcd/lookout.ts'
import type { KeyWatchOptions, StoreWatchOptions } from '../../../src/registries/etcd/store.ts'
import { until } from '../../support/echo.ts'
import { enableAuth, requireEtcd, startEtcd } from '../../support/etcd.ts'
import { using } from './bench.ts'

const keys = Array.from({ length: 20 }, (_, i) => `/dir/${100 + i}`)

async function start(credentials?: { username: string; password: string }, prepare?: (etcd: Etcd) => Promise<unknown>) {
  const etcd = using(await startEtcd())
  await prepare?.(etcd)
  const client = etcdClient({ endpoints: [etcd.address], ...credentials })
  using({ [Symbol.asyncDispose]: () => client.close() })
  const asked: StoreWatchOptions[] = []
  const canceled: StoreWatchOptions[] = []
  const lookout = createLookout({
    watch(options) {
      asked.push(options)
      const watch = client.watch(options)
      return {
        cancel() {
          if (!canceled.includes(options)) canceled.push(options)
          watch.cancel()
        },
      }
    },
  })
  const told: string[] = []
  const on = (key: string, startRevision = 1): KeyWatchOptions => ({
    key,
    startRevision,
    listener: {
      events: (events) => told.push(...events.map(({ type, kv }) => `${type} ${kv.keyText === key ? key : 'another'} ${kv.modRevision}`)),
      compacted: () => told.push(`compacted ${key}`),
      error: ({ code }) => told.push(`${code} ${key}`),
    },
  })
  return { etcd, client, lookout, asked, canceled, told, on }
}

type Etcd = Awaited<ReturnType<typeof startEtcd>>

describe('a lookout', () => {
  it('has a watch for each of a few keys, one for all others of the directory, and tells each what is its own', async (ctx) => {
    requireEtcd(ctx)
    const { client, lookout, asked, canceled, told, on } = await start()
    const watches = keys.map((key) => lookout.watch(on(key), 1n))
    expect(asked).toHaveLength(9)
    expect(asked.at(-1)).toMatchObject({ prefix: '/dir/' })
    await client.txn({ success: [...keys, '/dir/of another'].map((put) => ({ put, value: '' })) })
    await client.delete({ key: '/dir/115' })
    await until('all to be told', () => told.length >= keys.length + 1)
    expect(told.filter((line) => line.startsWith('put')).sort()).toEqual(keys.map((key) => `put ${key} 2`))
    expect(told).toContain('delete /dir/115 3')
    lookout.watch(on('/dir/115'), 1n)
    expect(asked.at(-1)).toMatchObject({ key: '/dir/115' })
    for (const watch of watches) watch.cancel()
    expect(canceled).toHaveLength(9)
  })

  it('begins where the first of them was written, though it hears of that one last', async (ctx) => {
    requireEtcd(ctx)
    const { client, lookout, told, on } = await start()
    const late = '/dir/late'
    for (let i = 0; i < 5; i++) await client.put(i === 2 ? late : 'other', '')
    for (const key of keys) lookout.watch(on(key, 6), 1n)
    lookout.watch(on(late, 3), 1n)
    await until('it to be told', () => told.includes(`put ${late} 4`))
  })

  it('does not watch together what was written with different leases', async (ctx) => {
    requireEtcd(ctx)
    const { lookout, asked, on } = await start()
    for (const lease of [1n, 2n]) for (const key of keys) lookout.watch(on(key, 1), lease)
    expect(asked.filter((options) => 'prefix' in options)).toHaveLength(2)
  })

  it('tells all of them when what happened has been compacted, and begins anew', async (ctx) => {
    requireEtcd(ctx)
    const { client, lookout, asked, told, on } = await start()
    for (let i = 0; i < 5; i++) await client.put('other', '')
    await client.compact(5)
    const watches = keys.map((key) => lookout.watch(on(key, 2), 1n))
    await until('all to be told', () => told.length >= keys.length)
    expect([...told].sort()).toEqual(keys.map((key) => `compacted ${key}`))
    for (const watch of watches) watch.cancel()
    for (const key of keys) lookout.watch(on(key, 7), 1n)
    expect(asked).toHaveLength(18)
    await client.put('/dir/119', '')
    await until('it to be told', () => told.includes('put /dir/119 7'))
  })

  it('watches each key by itself where the user may not read the directory', async (ctx) => {
    requireEtcd(ctx)
    const { etcd, lookout, told, on } = await start({ username: 'app', password: 'secret' }, async (started) => {
      await enableAuth(started, [{ name: 'app', password: 'secret' }])
      const root = ['--user', 'root:root', 'role', 'grant-permission', 'app', 'readwrite']
      await started.etcdctl(...root, '/dir/100', '/dir/120')
    })
    for (const key of keys) lookout.watch(on(key), 1n)
    await etcd.etcdctl('--user', 'root:root', 'put', '/dir/119', 'x')
    await etcd.etcdctl('--user', 'root:root', 'put', '/dir/101', 'x')
    await until('both to be told', () => told.length >= 2)
    expect(told.map((line) => line.replace(/ \d+$/, '')).sort()).toEqual(['put /dir/101', 'put /dir/119'])
  })
})
