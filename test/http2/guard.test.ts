import { describe, expect, it } from 'vitest'
import { Guard, type GuardLimits } from '../../src/http2/guard.ts'

const guard = (limits: Partial<GuardLimits> = {}): Guard =>
  new Guard({
    ...{ maxResets: 10, maxControlFrames: 20, minPingInterval: 1000, pingsWithoutCalls: false, maxHeaderFrames: 1, maxUnreadBytes: 1 },
    ...limits,
  })

/** How often something may be done before it is too much. */
function times(what: () => void): number {
  for (let count = 0; count < 1000; count++)
    try {
      what()
    } catch {
      return count
    }
  return Number.POSITIVE_INFINITY
}

describe('a guard', () => {
  it('takes as many resets and frames without a use as are allowed at once, and a tenth more each second', () => {
    const one = guard()
    expect([times(() => one.reset(0)), times(() => one.control(0))]).toEqual([10, 20])
    // What was too much has to come back first.
    expect([times(() => one.reset(4000)), times(() => one.control(4000))]).toEqual([3, 7])
    expect(times(() => one.reset(1_000_000))).toBe(10)
    const heavy = guard()
    expect(times(() => heavy.control(0, 5))).toBe(4)
  })

  it('forgives two PINGs that are early, and again when something has happened', () => {
    const one = guard()
    expect(times(() => one.ping(0, 0, 1))).toBe(3)
    expect(times(() => one.ping(0, 1, 1))).toBe(3)
    expect(() => one.ping(0, 1, 1)).toThrow(expect.objectContaining({ http2: 11 }))
  })

  it('takes PINGs that are not early: two hours apart without calls, unless told otherwise', () => {
    const spread = (one: Guard, ms: number, calls: number): number => {
      let now = 0
      return times(() => {
        now += ms
        if (now > 100 * ms) throw new Error('enough')
        one.ping(now, 0, calls)
      })
    }
    expect([spread(guard(), 1000, 1), spread(guard(), 999, 1)]).toEqual([100, 3])
    expect([spread(guard(), 7_200_000, 0), spread(guard(), 7_199_999, 0)]).toEqual([100, 3])
    expect([spread(guard({ pingsWithoutCalls: true }), 1000, 0), spread(guard({ pingsWithoutCalls: true }), 999, 0)]).toEqual([100, 3])
    const any = guard({ minPingInterval: 0 })
    expect(times(() => any.ping(0, 0, 0))).toBe(20)
  })
})
