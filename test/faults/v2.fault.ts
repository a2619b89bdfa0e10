import { expect } from 'vitest'
import { until } from '../support/echo.ts'
import { v2 as api } from './api.ts'
import { paused, useBuild } from './child.ts'
import { halfOpen } from './half-open.ts'
import { broken, lost, outages, pause } from './outages.ts'
import { fault, onBoth, patience, type Scene } from './scene.ts'
import { kept } from './verdict.ts'

const built = useBuild()

onBoth("etcd's former API", (size) => {
  const place = { size, api }
  // The next refreshing, which would show it too, is later than is waited for.
  const long = { ...place, registry: { ttl: 120_000 } }

  fault('key deleted by someone', long, async ({ keys, key, heard, whole }) => {
    await keys.remove(key('a'))
    await heard('a', 'registered')
    await whole()
    return { a: lost }
  })

  const wary = { ...place, registry: { ...long.registry, shrink: 0 } }
  fault('directory deleted by someone', wary, async ({ keys, heard, whole, listening }) => {
    const before = listening.told.length
    await keys.remove(api.root)
    await Promise.all([heard('a', 'registered'), heard('b', 'registered')])
    await whole()
    // What vanishes as a whole is kept, and back before its grace is over.
    expect(listening.told.slice(before).filter((ids) => ids.join() !== 'a,b')).toEqual([])
    return { a: lost, b: lost, besides: [kept] }
  })

  fault('record overwritten by someone', long, async ({ keys, key, heard, whole }) => {
    await keys.put(key('a'), 'something else')
    await heard('a', 'registered')
    await until('the record', async () => (await keys.get(key('a')))?.value.includes('"id":"a"') ?? false, patience)
    await whole()
    return { a: lost, besides: [/^warn record \S+ skipped: /] }
  })

  fault('two processes claiming one id', place, async ({ keys, key, registry }) => {
    const before = await keys.get(key('a'))
    const claim = registry().register({ id: 'a', service: 'echo', address: '127.0.0.1:1' })
    await expect(claim).rejects.toThrow(
      /^already_exists: etcd v2 at .*: a of "echo" is registered by .*, which is alive; ids must be unique$/,
    )
    expect(await keys.get(key('a'))).toMatchObject({ value: before?.value, createdIndex: before?.createdIndex })
    return {}
  })

  // Silent for longer than the test lasts, so that the watch is asked for from where it stands.
  const silent = { alone: true, registry: { keepalive: { interval: 100_000, timeout: 100_000 } } }

  /** `static` goes and `new` comes, and then so much happens elsewhere that etcd does not remember the former. */
  async function forgotten({ keys, key, etcd, servers, listening }: Scene, cut: () => Promise<unknown>, heal: () => void): Promise<void> {
    const address = servers[0]?.address ?? ''
    const record = (id: string) => JSON.stringify({ name: 'echo', nodes: [{ id, address }] })
    await keys.put(key('static'), record('static'))
    await listening.shows(['a', 'b', 'static'], patience)
    await cut()
    await keys.put(key('new'), record('new'))
    await keys.remove(key('static'))
    for (let i = 0; i < 1010; i += 10) await Promise.all(Array.from({ length: 10 }, () => keys.put('/elsewhere', 'x')))
    const cleared = await fetch(`http://${etcd.address}/v2/keys${key('static')}?wait=true&waitIndex=1`)
    expect(await cleared.json()).toMatchObject({ errorCode: 401 })
    heal()
    await listening.shows(['a', 'b', 'new'], patience)
    await keys.remove(key('new'))
    await keys.remove('/elsewhere')
  }

  fault('more changes than etcd remembers while disconnected', { ...place, ...silent }, async (scene) => {
    const { far, heard, whole } = scene
    const cut = async () => {
      far.cut({ refuse: true })
      await heard('consumer', 'stale')
    }
    await forgotten(scene, cut, far.heal)
    await whole()
    return { consumer: broken }
  })

  // Nothing has broken, after which everything would be read again in any case: only etcd's saying so tells that something was missed.
  fault('more changes than etcd remembers while the answer to the first is held back', { ...place, ...silent }, async (scene) => {
    const { far, whole } = scene
    await forgotten(scene, async () => far.hold(), far.heal)
    await whole()
    return {}
  })

  outages(place)
  halfOpen(place)
  paused(place, built)

  if (size === 3)
    fault('a member killed', place, async ({ etcd, keys, key, whole }) => {
      const before = await keys.get(key('a'))
      await etcd.kill()
      // Long enough for refreshings by way of another.
      await pause(10_000)
      await etcd.restart()
      await whole()
      expect((await keys.get(key('a')))?.createdIndex).toBe(before?.createdIndex)
      return {}
    })
})
