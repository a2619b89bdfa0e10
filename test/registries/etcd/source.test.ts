import { describe, expect, it } from 'vitest'
import { RpcError } from '../../../src/error.ts'
import { etcdClient, type KeyValue, type WatchEvent, type WatchListener } from '../../../src/etcd/index.ts'
import { silent } from '../../../src/logger.ts'
import { createSource } from '../../../src/registries/etcd/source.ts'
import { goKit } from '../../../src/registries/etcd.ts'
import { manualClock } from '../../../src/testing/clock.ts'
import { requireEtcd, startEtcd } from '../../support/etcd.ts'
import { listen, registryAt, using } from './bench.ts'

/** A source over a store that is moved by hand; its random numbers are all a half. `during` happens while it reads again. */
async function open(records: number, spread: number, during?: (told: WatchListener) => void, doubted = () => {}) {
  const clock = manualClock()
  let readings = 0
  let told: WatchListener | undefined
  const kvs = Array.from({ length: records }, (_, i) => ({ keyText: `/services/s/h:${i}`, text: `h:${i}` }) as KeyValue)
  const source = createSource({
    client: {
      name: 'a store',
      pause: async () => {},
      async *pages() {
        readings += 1
        if (told !== undefined) during?.(told)
        yield { revision: 1, kvs }
      },
      watch({ listener }) {
        told = listener
        return { cancel() {} }
      },
    },
    ...{ layout: goKit(), service: 's', grace: 0, shrink: 1, spread, keep: false, clock, random: () => 0.5, logger: silent },
    wrote() {},
    changed() {},
    doubted: () => doubted(),
    ended() {},
  })
  await clock.advance(0)
  expect([readings, source.records?.size]).toEqual([1, records])
  /** How long after what happens now it reads again, in milliseconds. */
  const readsAfter = async (what: (told: WatchListener) => void): Promise<number> => {
    const before = readings
    what(told as WatchListener)
    for (let ms = 0; ms <= 60_000; ms += 50) {
      if (readings > before) return ms
      await clock.advance(50)
    }
    return Number.POSITIVE_INFINITY
  }
  return { source, readsAfter }
}

/** What a watch tells of a key, at a revision. */
const event = (type: 'put' | 'delete', name: string, modRevision: number) =>
  ({ type, kv: { keyText: `/services/s/${name}`, text: name, modRevision } }) as WatchEvent

it('what is told while a set is read again is not undone by what was read before it', async () => {
  let reading = false
  const { source, readsAfter } = await open(2, 0, (told) => {
    reading = true
    told.events([event('delete', 'h:0', 2), event('put', 'h:9', 2)], 2)
  })
  await readsAfter((told) => told.resumed?.())
  expect(reading).toBe(true)
  await new Promise(setImmediate)
  expect([...(source.records?.keys() ?? [])].sort()).toEqual(['/services/s/h:1', '/services/s/h:9'])
})

it('what was told before the watch broke is not kept over what is read after it: the store may be another one', async () => {
  const { source, readsAfter } = await open(2, 0, (told) => {
    told.events([event('delete', 'h:0', 9)], 9)
    told.interrupted?.(new RpcError('unavailable', 'cut'))
  })
  await readsAfter((told) => told.resumed?.())
  await new Promise(setImmediate)
  expect(source.records?.size).toBe(2)
})

it('a set that is given up by who hears of its trouble is not read again', async () => {
  let hear = (): void => {}
  const { source, readsAfter } = await open(1, 0, undefined, () => hear())
  hear = () => source.stop()
  expect(await readsAfter((told) => told.error(new RpcError('permission_denied', 'no')))).toBe(Number.POSITIVE_INFINITY)
})

const broken = new RpcError('unavailable', 'cut')

describe('after an interruption a set', () => {
  it.each([
    [10, 1000, 500],
    [10, 4000, 2000],
    [5000, 1000, 2500],
    [5000, 100, 1500],
    [5000, 0, 0],
  ])('of %i instances is read again within a spread of %i ms, by chance after %i ms', async (records, spread, expected) => {
    const { readsAfter, source } = await open(records, spread)
    const after = await readsAfter((told) => {
      told.interrupted?.(broken)
      expect(source.trouble).toBe(broken)
      told.resumed?.()
    })
    expect(after).toBeGreaterThanOrEqual(expected)
    expect(after).toBeLessThanOrEqual(expected + 50)
    expect(source.trouble).toBeUndefined()
  })

  it('is read once, though it is told amid the reading that what was missed is compacted', async () => {
    const { readsAfter } = await open(10, 1000, (told) => told.compacted(7))
    await readsAfter((told) => {
      told.interrupted?.(broken)
      told.resumed?.()
    })
    expect(await readsAfter(() => {})).toBe(Number.POSITIVE_INFINITY)
  })

  it('is read within the same spread when what was missed is compacted, but at once when only this client has missed it', async () => {
    const all = await open(10, 1000)
    const after = await all.readsAfter((told) => {
      told.interrupted?.(broken)
      told.compacted(7)
    })
    expect(after).toBeGreaterThanOrEqual(500)
    const alone = await open(10, 1000)
    expect(await alone.readsAfter((told) => told.compacted(7))).toBeLessThanOrEqual(50)
  })
})

describe('a set is read in pages', () => {
  it('of as many records as are asked for, or as make about 2 MB', async (ctx) => {
    requireEtcd(ctx)
    const etcd = using(await startEtcd())
    const client = etcdClient({ endpoints: [etcd.address] })
    const admin = using({ ...client, [Symbol.asyncDispose]: () => client.close() })
    const ids = Array.from({ length: 1500 }, (_, i) => `i${String(i).padStart(4, '0')}`)
    for (let i = 0; i < ids.length; i += 100)
      await admin.txn({
        success: ids.slice(i, i + 100).map((id) => ({
          put: `/micro/registry/book/${id}`,
          value: JSON.stringify({ name: 'book', nodes: [{ id, address: 'h:1', metadata: { text: 'x'.repeat(1500) } }] }),
        })),
      })
    const ranges = async () => {
      const metrics = await (await fetch(`http://${etcd.address}/metrics`)).text()
      return Number(/^grpc_server_started_total\{grpc_method="Range",.*\} (\d+)$/m.exec(metrics)?.[1] ?? 0)
    }
    const before = await ranges()
    await listen(registryAt(etcd.address, { page: 400 })).shows(ids, 30_000)
    expect((await ranges()) - before).toBe(4)
    const pages: number[] = []
    for await (const { kvs } of admin.pages({ prefix: '/micro/' })) pages.push(kvs.length)
    expect(pages).toEqual([1000, 500])
  })
})
