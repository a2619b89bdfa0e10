import { expect } from 'vitest'
import { until } from '../support/echo.ts'
import { broken, lost } from './outages.ts'
import { fault, onBoth, patience, type Scene } from './scene.ts'
import { kept } from './verdict.ts'

const grace = 2500

/** What has been told since, each set as one text. */
const since = ({ listening }: Scene, before: number): readonly string[] => listening.told.slice(before).map(String)

const warnings = ({ lines }: Scene): readonly string[] => lines.filter((line) => kept.test(line))

/** What was missed is read, and not heard. */
async function forget({ admin }: Scene): Promise<void> {
  await admin.compact((await admin.put('x', '1')).revision, { physical: true })
}

/** The consumer reads, right after an outage, that nobody is registered; the servers are cut off still. */
async function emptied(scene: Scene): Promise<void> {
  const { admin, near, far, key, heard } = scene
  near.cut({ refuse: true })
  far.cut({ refuse: true })
  await heard('consumer', 'stale')
  await admin.revoke((await admin.get(key('a')))?.lease ?? 0n)
  await forget(scene)
  far.heal()
  await heard('consumer', 'connected')
}

onBoth('a set', (size) => {
  // The member behind the proxy is the only way, so that an interruption is one on three members as well.
  const place = { size, alone: true, registry: { grace } } as const

  fault('that is empty right after an outage is believed after the grace, and not before', place, async (scene) => {
    const { near, listening } = scene
    const before = listening.told.length
    await emptied(scene)
    const certain = performance.now()
    expect(warnings(scene)).toEqual([
      expect.stringMatching(/^warn 2 of 2 instances of "echo" are gone from etcd .*; they are kept for 2500 ms$/),
    ])
    // Nobody is told of it, and those who are kept are called.
    expect(since(scene, before).filter((ids) => ids !== 'a,b')).toEqual([])
    await scene.answered()
    await listening.shows([], patience)
    // A timer may be early by a part of a millisecond.
    expect(performance.now() - certain).toBeGreaterThan(grace - 100)
    near.heal()
    await listening.shows(['a', 'b'], patience)
    return { a: lost, b: lost, consumer: broken }
  })

  const patient = { ...place, registry: { grace: 60_000 } }
  fault('that is empty right after an outage, and whole within the grace', patient, async (scene) => {
    const { near, listening } = scene
    const before = listening.told.length
    await emptied(scene)
    near.heal()
    await scene.whole()
    expect(warnings(scene)).toHaveLength(1)
    expect(since(scene, before).filter((ids) => ids !== 'a,b')).toEqual([])
    return { a: lost, b: lost, consumer: broken }
  })

  const slow = { ...place, registry: { grace: 2 * grace } }
  fault('that is empty right after an outage, before another that is longer than the grace', slow, async (scene) => {
    const { near, far, listening, consumer } = scene
    const before = listening.told.length
    await emptied(scene)
    far.cut({ refuse: true })
    await until('the next break', () => consumer.state.status === 'stale', patience)
    await new Promise((resolve) => setTimeout(resolve, 2 * grace + 500))
    near.heal()
    await scene.heard('a', 'registered')
    far.heal()
    await scene.whole()
    expect(since(scene, before).filter((ids) => ids !== 'a,b')).toEqual([])
    return { a: lost, b: lost, consumer: [...broken, ...broken] }
  })

  const wary = { ...place, registry: { grace, shrink: 0.3 } }
  fault('that has shrunk by more than the share set, and then by less, right after an outage', wary, async (scene) => {
    const { admin, far, key, listening, consumer } = scene
    const value = (await admin.get(key('a')))?.text ?? ''
    const put = (id: string) => admin.put(key(id), value.replace('"id":"a"', `"id":"${id}"`))
    const remove = (id: string) => admin.delete({ key: key(id) })
    for (const id of ['p', 'q', 'r', 's']) await put(id)
    await listening.shows(['a', 'b', 'p', 'q', 'r', 's'], patience)

    async function outage(meanwhile: () => Promise<unknown>): Promise<number> {
      const before = listening.told.length
      far.cut({ refuse: true })
      await until('the break', () => consumer.state.status === 'stale', patience)
      await meanwhile()
      await forget(scene)
      far.heal()
      await until('the end of it', () => consumer.state.status === 'connected', patience)
      return before
    }

    const before = await outage(() => Promise.all(['p', 'q'].map(remove)))
    expect(warnings(scene)).toEqual([
      expect.stringMatching(/^warn 2 of 6 instances of "echo" are gone from etcd .*; they are kept for 2500 ms$/),
    ])
    // What comes, or comes back, is believed meanwhile.
    for (const id of ['p', 't']) await put(id)
    await listening.shows(['a', 'b', 'p', 'q', 'r', 's', 't'], patience)
    await listening.shows(['a', 'b', 'p', 'r', 's', 't'], patience)
    expect(since(scene, before).filter((ids) => !['a,b,p,q,r,s', 'a,b,p,q,r,s,t', 'a,b,p,r,s,t'].includes(ids))).toEqual([])

    await outage(() => remove('t'))
    await listening.shows(['a', 'b', 'p', 'r', 's'], patience)
    // It was believed at once.
    expect(warnings(scene)).toHaveLength(1)
    for (const id of ['p', 'r', 's']) await remove(id)
    return { consumer: [...broken, ...broken] }
  })
})
