import { afterEach, describe, expect, vi } from 'vitest'
import { fault, ttl } from './scene.ts'

afterEach(() => void vi.useRealTimers())

// In a file of its own: the date is one for all tests of a process.
describe('a process', () => {
  fault('whose system clock jumps both ways', {}, async ({ whole, servers }) => {
    vi.useFakeTimers({ toFake: ['Date'] })
    for (const jump of [86_400_000, -86_400_000, -3_600_000]) {
      vi.setSystemTime(Date.now() + jump)
      await new Promise((resolve) => setTimeout(resolve, ttl))
      expect(servers.map((server) => server.registration?.state)).toEqual(['registered', 'registered'])
    }
    await whole()
    return {}
  })
})
