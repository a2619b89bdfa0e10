import { checkNumber } from '../check.ts'
import { type Clock, systemClock } from '../clock.ts'

/** How many retries are allowed, as a share of the calls. */
export interface RetryBudget {
  /** Counts a call. */
  deposit(): void
  /** Takes a retry from the budget; false when there is none left. */
  withdraw(): boolean
}

/** What {@link retryBudget} can be told. */
export interface RetryBudgetOptions {
  /** Retries per call, ≥ 0. Default 0.2. */
  readonly ratio?: number | undefined
  /** Retries per second that are allowed besides, however few calls there are, ≥ 0. Default 10. */
  readonly min?: number | undefined
  /** How long a call or a retry counts, in milliseconds, > 0. Default 10 000. */
  readonly window?: number | undefined
  readonly clock?: Clock | undefined
}

const slots = 10
/** So many calls are counted at a time, to spare a look at the clock for each. */
const batch = 64

/**
 * A budget over a sliding window, with Finagle's and linkerd's defaults: it lets retries hide single failures, but not multiply the load
 * of an outage. One may be shared by several retries. Throws `invalid_argument` naming the option.
 */
export function retryBudget(options: RetryBudgetOptions = {}): RetryBudget {
  const { clock = systemClock } = options
  const ratio = checkNumber('retryBudget: ratio', options.ratio ?? 0.2, { min: 0 })
  const min = checkNumber('retryBudget: min', options.min ?? 10, { min: 0 })
  const window = checkNumber('retryBudget: window', options.window ?? 10_000, { above: 0 })
  const calls = new Float64Array(slots)
  const retries = new Float64Array(slots)
  let turn = slotOf(clock.now())
  let uncounted = 0

  function slotOf(now: number): number {
    return Math.floor((now * slots) / window)
  }

  /** Empties the slots whose time has passed, and counts in the slot of now, which it returns. */
  function count(): number {
    const now = slotOf(clock.now())
    for (turn = Math.max(turn, now - slots); turn < now; ) {
      turn++
      calls[turn % slots] = 0
      retries[turn % slots] = 0
    }
    const slot = turn % slots
    calls[slot] = (calls[slot] ?? 0) + uncounted
    uncounted = 0
    return slot
  }

  return {
    deposit() {
      uncounted++
      if (uncounted === batch) count()
    },
    withdraw() {
      const slot = count()
      if ((min * window) / 1000 + ratio * sum(calls) - sum(retries) < 1) return false
      retries[slot] = (retries[slot] ?? 0) + 1
      return true
    },
  }
}

function sum(values: Float64Array): number {
  return values.reduce((total, value) => total + value, 0)
}
