import { afterAll, beforeAll, expect, vi } from 'vitest'
import { pause } from './outages.ts'
import { fault, onBoth } from './scene.ts'

// In a file of its own: the date is one for all tests of a process. What jumps for one of these jumps for the other as well.
beforeAll(() => void vi.useFakeTimers({ toFake: ['Date'] }))
afterAll(() => void vi.useRealTimers())

const ttl = 6000

onBoth('a process', (size) => {
  fault('whose system clock jumps both ways', { size, registry: { ttl, heartbeat: 500 } }, async ({ whole, servers, lines }) => {
    for (const jump of [86_400_000, -86_400_000, -3_600_000]) {
      vi.setSystemTime(Date.now() + jump)
      await pause(ttl)
      expect(
        servers.map((server) => server.registration?.state),
        lines.join('\n'),
      ).toEqual(['registered', 'registered'])
    }
    // And while answers are under way, which takes no more than milliseconds.
    for (const end = performance.now() + ttl; performance.now() < end; ) {
      vi.setSystemTime(Date.now() + 3_600_000)
      await pause(1)
      vi.setSystemTime(Date.now() - 3_600_000)
      await pause(1)
    }
    await whole()
    return {}
  })
})
