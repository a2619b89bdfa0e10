import { afterAll, beforeAll, expect, vi } from 'vitest'
import { lossKnown, lost, pause } from './outages.ts'
import { fault, onBoth } from './scene.ts'

// In a file of its own: the date is one for all tests of a process. What jumps for one of these jumps for the other as well.
const date = Date.now
let ahead = 0
beforeAll(() => void vi.spyOn(Date, 'now').mockImplementation(() => date() + ahead))
afterAll(() => void vi.restoreAllMocks())

const ttl = 6000

onBoth('a process', (size) => {
  fault('whose system clock jumps both ways', { size, alone: true, registry: { ttl } }, async (scene) => {
    const { near, whole, servers, lines } = scene
    for (const jump of [86_400_000, -86_400_000, -3_600_000]) {
      ahead += jump
      await pause(ttl)
      expect(
        servers.map((server) => server.registration?.state),
        lines.join('\n'),
      ).toEqual(['registered', 'registered'])
    }
    // However far ahead it has been, a lease that is lost is known to be at its TTL.
    near.cut({ refuse: true })
    await lossKnown(scene)
    near.heal()
    await whole()
    return { a: lost, b: lost }
  })
})
