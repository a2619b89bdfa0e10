import { setImmediate } from 'node:timers'
import type { Clock } from '../clock.ts'

/** A clock turned by hand. It starts at 0. */
export interface ManualClock extends Clock {
  /** How many callbacks are waiting. */
  readonly waiting: number
  /**
   * Moves time on by `ms` and fires what is due, in order of time and then of request. Before, between and after, whatever waits for a
   * promise gets its turn, so that a timer set by the continuation of another fires as well, if it is due.
   */
  advance(ms: number): Promise<void>
  /** As {@link advance}, but at once and without anybody's turn in between. */
  advanceSync(ms: number): void
}

interface Timer {
  readonly at: number
  readonly callback: () => void
}

/** Makes a clock for tests: nothing happens on it until it is advanced. */
export function manualClock(): ManualClock {
  // In order of time; of equal times, the one asked for first.
  const timers: Timer[] = []
  let now = 0

  function fireNext(end: number): boolean {
    const first = timers[0]
    if (first === undefined || first.at > end) return false
    timers.shift()
    now = Math.max(now, first.at)
    first.callback()
    return true
  }

  return {
    now: () => now,
    after(ms, callback) {
      const timer: Timer = { at: now + Math.max(0, ms), callback }
      const i = timers.findIndex(({ at }) => at > timer.at)
      timers.splice(i < 0 ? timers.length : i, 0, timer)
      return () => {
        const at = timers.indexOf(timer)
        if (at >= 0) timers.splice(at, 1)
      }
    },
    get waiting() {
      return timers.length
    },
    async advance(ms) {
      await turn()
      const end = now + ms
      while (fireNext(end)) await turn()
      now = end
      await turn()
    },
    advanceSync(ms) {
      const end = now + ms
      while (fireNext(end));
      now = end
    },
  }
}

/** Resolves when everything that could go on without waiting has gone on. */
function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
