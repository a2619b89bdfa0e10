import { afterEach, describe, expect, it } from 'vitest'
import { startRegistry } from '../../src/dev/index.ts'
import { type EtcdClient, type EtcdOptions, etcdClient } from '../../src/etcd/index.ts'
import { manualClock } from '../../src/testing/clock.ts'
import { until } from '../support/echo.ts'
import { freePorts } from '../support/etcd.ts'
import { startProxy } from '../support/proxy.ts'

const cleanups: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

/** A client behind a proxy, and one beside it. It begins with the first endpoint; whatever else is random is in the middle. */
async function connect(options: EtcdOptions = {}, before: readonly string[] = []) {
  const store = await startRegistry()
  cleanups.push(() => store.close())
  const proxy = await startProxy(store.address)
  cleanups.push(() => proxy.close())
  const clock = manualClock()
  let draws = 0
  const random = () => (draws++ === 0 ? 0 : 0.5)
  const client = etcdClient({ endpoints: [...before, proxy.address], clock, random, ...options })
  const admin = etcdClient({ endpoints: [store.address] })
  cleanups.push(
    () => admin.close(),
    () => client.close(),
  )
  return { proxy, clock, client, admin }
}

function follow(client: EtcdClient) {
  const events: string[] = []
  const { created } = client.watch({
    prefix: '',
    listener: { events: (all) => void events.push(...all.map(({ kv }) => kv.keyText)), compacted() {}, error() {} },
  })
  return { events, created }
}

describe('after a break', () => {
  it('a watch goes on when it is the turn of the client, at random within the spread, though calls are answered', async () => {
    const { proxy, clock, client, admin } = await connect({ spread: 1000 })
    const { events, created } = follow(client)
    await created
    proxy.cut()
    await until('another connection', () => proxy.accepted === 2)
    await admin.put('a', '1')
    await client.get('a')
    await clock.advance(499)
    await client.get('a')
    expect(events).toEqual([])
    await clock.advance(1)
    await until('the event', () => events.length === 1)
  })

  it('a lease is renewed while there is time for another try', async () => {
    const { proxy, clock, client, admin } = await connect({ spread: 60_000 })
    const lease = await client.grant(9000, { heartbeat: 4000 })
    await clock.advance(1000)
    proxy.cut()
    await until('another connection', () => proxy.accepted === 2)
    await client.get('a')
    expect(lease.remaining).toBe(8000)
    await clock.advance(4000)
    await until('the renewal', () => lease.remaining === 9000)
    expect(lease.state).toBe('held')
    expect(await admin.leases()).toEqual([lease.id])
  })

  it('who tries again does so when it is the turn of the client', async () => {
    const { proxy, clock, client } = await connect({ spread: 1000 })
    await client.get('a')
    proxy.cut()
    await until('the break', () => proxy.connections === 0)
    let over = false
    const pause = client.pause(100).then(() => {
      over = true
    })
    await clock.advance(100)
    await until('another connection', () => proxy.accepted === 2)
    await client.get('a')
    await clock.advance(499)
    expect(over).toBe(false)
    await clock.advance(1)
    await pause
  })
})

describe('at first', () => {
  it('a client does not wait for its turn, whichever of the endpoints is there', async () => {
    const [port] = await freePorts(1)
    const { client, admin } = await connect({}, [`127.0.0.1:${port}`])
    const { events, created } = follow(client)
    await created
    await admin.put('a', '1')
    await until('the event', () => events.length === 1)
  })
})
