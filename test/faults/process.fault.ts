import { expect } from 'vitest'
import { until } from '../support/echo.ts'
import { its, lostOnce, paused, useBuild, withChild } from './child.ts'
import { pause } from './outages.ts'
import { fault, onBoth, patience } from './scene.ts'

const built = useBuild()

onBoth('a process', (size) => {
  paused({ size }, built)

  fault('whose event loop is blocked past the TTL', { size }, (scene) =>
    withChild(scene, built(), {}, async (child) => {
      const { told } = scene.listening
      const before = told.length
      child.block(its + 2000)
      await until('its loss', () => told.slice(before).some((ids) => ids.join() === 'a,b'), patience)
      await scene.listening.shows(['a', 'b', 'c'], patience)
      await child.says(lostOnce)
    }),
  )

  fault('whose event loop is blocked past the TTL, with a thread for its leases', { size }, (scene) =>
    withChild(scene, built(), { keepaliveThread: true }, async (child) => {
      // Time for the thread to begin.
      await pause(its + 1000)
      const before = await scene.admin.get(scene.key('c'))
      const told = scene.listening.told.length
      child.block(its + 3000)
      await pause(its + 4000)
      // It never was away.
      expect((await scene.admin.get(scene.key('c')))?.modRevision).toBe(before?.modRevision)
      expect(scene.listening.told).toHaveLength(told)
      expect(child.states).toEqual(['registered'])
      // And is healed as any other.
      await scene.admin.revoke(before?.lease ?? 0n)
      await scene.listening.shows(['a', 'b', 'c'], patience)
      await child.says(lostOnce)
    }),
  )
})
