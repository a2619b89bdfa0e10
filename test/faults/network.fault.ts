import { expect } from 'vitest'
import { etcdClient } from '../../src/etcd/index.ts'
import { listen } from '../registries/etcd/bench.ts'
import { until } from '../support/echo.ts'
import { startProxy } from '../support/proxy.ts'
import { halfOpen, quick as registry } from './half-open.ts'
import { broken, lost, pause } from './outages.ts'
import { fault, onBoth, patience, setOf, short } from './scene.ts'

onBoth('a network', (size) => {
  halfOpen({ size })

  // Of three members, another than the one that is cut off can renew in time.
  const ttl = size === 1 ? short : 9000
  fault('cut without RST for less than the TTL', { size, registry: { ...registry, ttl: 10_000 } }, async ({ near, whole }) => {
    near.blackHole()
    await pause(4500)
    near.heal()
    await pause(6500)
    await whole()
    return {}
  })

  fault('that holds everything back, then lets it through', { size, registry: { ...registry, ttl } }, async (scene) => {
    const { near, far, whole } = scene
    const set = setOf(scene)
    near.hold()
    far.hold()
    if (size === 1) {
      await Promise.all([scene.heard('a', 'healing'), scene.heard('b', 'healing'), scene.heard('consumer', 'stale')])
    } else await pause(9000)
    near.heal()
    far.heal()
    await whole()
    return { ...(size === 1 && { a: lost, b: lost }), consumer: set }
  })

  fault('that breaks again and again', { size }, async ({ used, near, far, whole }) => {
    for (let i = 0; i < 30; i++) {
      near.cut()
      far.cut()
      await pause(100)
    }
    await whole()
    return { consumer: used.far ? { atLeast: 1, atMost: 30 } : [] }
  })

  fault('that breaks twice before the backlog has come', { size, alone: true }, async (scene) => {
    const { admin, etcd, far, consumer, key } = scene
    await using way = await startProxy(etcd.address)
    const follower = etcdClient({ endpoints: [way.address] })
    const prefix = key('').replace('echo', 'backlog')
    const record = (id: string) =>
      JSON.stringify({ name: 'backlog', nodes: [{ id, address: '127.0.0.1:1', metadata: { much: 'x'.repeat(200) } }] })
    const ids = Array.from({ length: 100 }, (_, i) => `i-${100 + i}`)
    const put = (some: readonly string[]) => admin.txn({ success: some.map((id) => ({ put: prefix + id, value: record(id) })) })
    await put(ids.slice(0, 10))
    const listening = listen(consumer, 'backlog')
    await listening.shows(ids.slice(0, 10), patience)
    const seen: string[] = []
    const watch = follower.watch({
      prefix,
      listener: {
        events: (events) => void seen.push(...events.map(({ type, kv }) => type + kv.keyText.slice(prefix.length))),
        compacted() {},
        error() {},
      },
    })
    await watch.created
    for (const proxy of [far, way]) proxy.cut({ refuse: true })
    await scene.heard('consumer', 'stale')
    for (const id of ids.slice(0, 10)) await admin.delete({ key: prefix + id })
    for (let i = 10; i < ids.length; i += 10) await put(ids.slice(i, i + 10))
    // A connection brings the news that the watch is there, and breaks amid the first of what was missed.
    const breaks = [far, way].map((proxy) => proxy.breakAfter(4000, 2))
    await Promise.all(breaks)
    expect(seen).toEqual([])
    expect(listening.told).toEqual([ids.slice(0, 10)])
    for (const proxy of [far, way]) proxy.heal()
    await until('the backlog', () => seen.length >= ids.length, patience)
    await listening.shows(ids.slice(10), patience)
    await scene.whole()
    expect(seen).toEqual([...ids.slice(0, 10).map((id) => `delete${id}`), ...ids.slice(10).map((id) => `put${id}`)])
    listening.stop()
    watch.cancel()
    await follower.close()
    return { consumer: broken }
  })

  fault('that refuses everything for a while', { size }, async (scene) => {
    const { near, far, whole } = scene
    const set = setOf(scene)
    const before = scene.tries()
    near.cut({ refuse: true })
    far.cut({ refuse: true })
    await pause(3000)
    const tries = scene.tries() - before
    if (tries > 100) throw new Error(`${tries} connections tried in 3 s`)
    near.heal()
    far.heal()
    await whole()
    return { consumer: set }
  })
})
