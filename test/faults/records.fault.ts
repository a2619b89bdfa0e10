import { expect } from 'vitest'
import { until } from '../support/echo.ts'
import { fault, onBoth, patience, setOf } from './scene.ts'

const lost = ['healing', 'registered'] as const
/** Callers cannot read what was written over it. */
const skipped = /^warn record \S+ skipped: /

onBoth('records', (size) => {
  fault('lease revoked behind our back', { size }, async ({ admin, key, heard, whole }) => {
    const lease = (await admin.get(key('a')))?.lease ?? 0n
    await admin.revoke(lease)
    await Promise.all([heard('a', 'registered'), heard('b', 'registered')])
    for (const id of ['a', 'b'])
      await until('another lease', async () => ![lease, undefined].includes((await admin.get(key(id)))?.lease), patience)
    await whole()
    return { a: lost, b: lost }
  })

  fault('key deleted by someone', { size }, async ({ admin, key, whole }) => {
    const lease = (await admin.get(key('a')))?.lease
    await admin.delete({ key: key('a') })
    await until('the key', async () => (await admin.get(key('a'))) !== undefined, patience)
    expect((await admin.get(key('a')))?.lease).toBe(lease)
    await whole()
    return { a: lost }
  })
  fault('all keys deleted by someone', { size }, async ({ admin, key, whole, servers }) => {
    const healed = servers.map((server) => new Promise((resolve) => server.registration?.onState(resolve)))
    await admin.delete({ prefix: key('') })
    await Promise.all(healed)
    await whole()
    return { a: lost, b: lost }
  })

  fault('record overwritten by someone', { size }, async ({ admin, key, whole }) => {
    await admin.put(key('a'), 'something else')
    await until('the record', async () => (await admin.get(key('a')))?.text.includes('"id":"a"') ?? false, patience)
    await whole()
    return { a: lost, besides: [skipped] }
  })

  fault('transaction touching many keys in one event', { size }, async ({ admin, key, listening }) => {
    const value = (await admin.get(key('a')))?.text.replace('"id":"a"', '"id":"#"') ?? ''
    const ids = Array.from({ length: 100 }, (_, i) => `many-${100 + i}`)
    const before = listening.told.length
    await admin.txn({ success: ids.map((id) => ({ put: key(id), value: value.replace('#', id) })) })
    await listening.shows(['a', 'b', ...ids])
    await admin.txn({ success: [{ delete: { prefix: key('many-') } }] })
    await listening.shows(['a', 'b'])
    expect(listening.told.slice(before).map(({ length }) => length)).toEqual([102, 2])
    return {}
  })

  fault('fragments of a huge event', { size }, async ({ admin, key, listening }) => {
    const record = (id: string) => {
      const node = { id, address: '127.0.0.1:1', metadata: { much: 'x'.repeat(16_000) } }
      return JSON.stringify({ name: 'huge', nodes: [node] })
    }
    const all: string[] = []
    const prefix = key('').replace('echo', 'huge')
    const ids = Array.from({ length: 120 }, (_, i) => `huge-${100 + i}`)
    const batches: number[] = []
    const watch = admin.watch({
      prefix,
      listener: {
        events(events) {
          batches.push(events.length)
          all.push(...events.map(({ kv }) => kv.keyText.slice(prefix.length)))
        },
        compacted() {},
        error() {},
      },
    })
    await watch.created
    await admin.txn({ success: ids.slice(0, 60).map((id) => ({ put: prefix + id, value: record(id) })) })
    await until('the events', () => all.length >= 60)
    // Together in one answer: what has been written while nobody listened.
    for (const half of [ids.slice(60, 90), ids.slice(90)]) {
      await admin.txn({ success: half.map((id) => ({ put: prefix + id, value: record(id) })) })
    }
    const revision = (await admin.get(prefix + ids[0]))?.modRevision ?? 0
    const again: string[] = []
    const replay = admin.watch({
      prefix,
      startRevision: revision,
      listener: {
        events: (events) => void again.push(...events.map(({ kv }) => kv.keyText.slice(prefix.length))),
        compacted() {},
        error() {},
      },
    })
    await until('all events, once', () => again.length >= ids.length)
    expect(again).toEqual(ids)
    expect(batches[0]).toBe(60)
    watch.cancel()
    replay.cancel()
    await admin.delete({ prefix })
    expect(listening.told.at(-1)).toEqual(['a', 'b'])
    return {}
  })

  fault('revision compacted while disconnected', { size }, async (scene) => {
    const { admin, far, key, listening, registry, whole } = scene
    const value = (await admin.get(key('a')))?.text.replace('"id":"a"', '"id":"static"') ?? ''
    await admin.put(key('static'), value)
    await listening.shows(['a', 'b', 'static'])
    // A watch that began in the past is moved to the present within 100 ms; the servers' watches of their records are not meant here.
    await new Promise((resolve) => setTimeout(resolve, 500))
    far.cut({ refuse: true })
    if (scene.used.far) await scene.heard('consumer', 'stale')
    await admin.delete({ key: key('static') })
    const came = await registry().register({ id: 'came', service: 'echo', address: '127.0.0.1:1' })
    await came.deregister()
    const { revision } = await admin.put('x', '1')
    await admin.compact(revision, { physical: true })
    far.heal()
    await listening.shows(['a', 'b'], patience)
    await whole()
    return { consumer: setOf(scene) }
  })

  fault('two processes claiming one id', { size }, async ({ admin, key, registry }) => {
    const before = await admin.get(key('a'))
    const claim = registry().register({ id: 'a', service: 'echo', address: '127.0.0.1:1' })
    await expect(claim).rejects.toThrow(/^already_exists: etcd at .*: a of "echo" is registered by .* ids must be unique$/)
    expect((await admin.get(key('a')))?.modRevision).toBe(before?.modRevision)
    return {}
  })
})
