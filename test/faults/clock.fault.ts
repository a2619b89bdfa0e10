import { afterAll, beforeAll, expect, vi } from 'vitest'
import { fault, onBoth, shortOf } from './scene.ts'

// In a file of its own: the date is one for all tests of a process. What jumps for one of these jumps for the other as well.
beforeAll(() => void vi.useFakeTimers({ toFake: ['Date'] }))
afterAll(() => void vi.useRealTimers())

onBoth('a process', (size) => {
  fault('whose system clock jumps both ways', { size, registry: { ttl: shortOf(size) } }, async ({ whole, servers }) => {
    for (const jump of [86_400_000, -86_400_000, -3_600_000]) {
      vi.setSystemTime(Date.now() + jump)
      await new Promise((resolve) => setTimeout(resolve, shortOf(size)))
      expect(servers.map((server) => server.registration?.state)).toEqual(['registered', 'registered'])
    }
    await whole()
    return {}
  })
})
