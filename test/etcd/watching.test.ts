import { afterEach, describe, expect, it } from 'vitest'
import { startRegistry } from '../../src/dev/index.ts'
import { type EtcdClient, etcdClient, type WatchListener } from '../../src/etcd/index.ts'
import { failure } from '../support/context.ts'
import { until } from '../support/echo.ts'
import { startProxy } from '../support/proxy.ts'

const cleanups: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

async function start() {
  const dev = await startRegistry()
  cleanups.push(() => dev.close())
  const proxy = await startProxy(dev.address)
  cleanups.push(async () => proxy[Symbol.asyncDispose]())
  const client: EtcdClient = etcdClient({ endpoints: [proxy.address] })
  cleanups.push(() => client.close())
  return { proxy, client }
}

/** Notes what it is told. */
function notes(more: Partial<WatchListener> = {}) {
  const told: string[] = []
  const note = (what: string) => () => void told.push(what)
  const listener: WatchListener = {
    events: note('events'),
    compacted: note('compacted'),
    error: note('error'),
    interrupted: note('interrupted'),
    ...more,
  }
  return { told, listener }
}

describe('a watch', () => {
  it('that etcd cannot have is refused, and does not break the others', async () => {
    const { client } = await start()
    const good = notes()
    await client.watch({ prefix: 'a', listener: good.listener }).created
    const bad = notes()
    const error = await failure(client.watch({ from: 'b', to: 'a', listener: bad.listener, timeout: 300 }).created)
    expect(error.code).toBe('invalid_argument')
    await client.put('a', '1')
    await until('the change', () => good.told.includes('events'))
    expect([good.told, bad.told]).toEqual([['events'], []])
  })

  it('is told nothing once canceled, not even of a break that another is being told of', async () => {
    const { client, proxy } = await start()
    const second = notes()
    let heard = false
    const first = notes({
      interrupted() {
        heard = true
        other.cancel()
      },
    })
    await client.watch({ prefix: 'a', listener: first.listener }).created
    const other = client.watch({ prefix: 'b', listener: second.listener })
    await other.created
    proxy.cut({ refuse: true })
    await until('the break', () => heard)
    expect(second.told).toEqual([])
  })
})
