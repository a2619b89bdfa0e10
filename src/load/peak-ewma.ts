import type { Load } from '../balancer.ts'
import { checkNumber } from '../check.ts'
import { type Clock, coarseClock } from '../clock.ts'

/** What {@link peakEwma} can be told. */
export interface PeakEwmaOptions {
  /** How long until an old latency counts for 1/e, in milliseconds, > 0. Default 10 000, as Finagle's and linkerd's. */
  readonly decay?: number | undefined
  /** A failed call counts as one that took at least this many times the latency known when it began, ≥ 1. Default 10. */
  readonly penalty?: number | undefined
  /** Default {@link coarseClock}. */
  readonly clock?: Clock | undefined
}

/** Latency that a node without a history is given when its first call fails: linkerd's default round trip, in milliseconds. */
const unknownLatency = 30
/** Latency that a node without a history is given until its first answer, in milliseconds: one call finds out, not a crowd. */
const assumedLatency = 5000
/** A failed call counts for no more than this because of its penalty, in milliseconds. */
const worstPenalty = 10_000
/** A latency that has decayed below this is forgotten, in milliseconds. */
const forgotten = 0.001

/**
 * Latency × (calls in flight + 1), after Finagle's `PeakEwma`. The latency jumps up to a new peak at once and comes down as an
 * exponentially weighted moving average; without calls it decays, so that a slow node is tried again. Unlike Finagle's, a failed
 * call counts as a slow one: a node that fails fast must not look like the best; and a node that answers nothing counts as slow from
 * that moment on, so that one that hangs does not collect calls until they time out. A canceled call leaves the latency as it is.
 * Throws `invalid_argument` naming the option.
 */
export function peakEwma(options: PeakEwmaOptions = {}): Load {
  const { clock = coarseClock } = options
  const decay = checkNumber('peakEwma: decay', options.decay ?? 10_000, { above: 0 })
  const penalty = checkNumber('peakEwma: penalty', options.penalty ?? 10, { min: 1 })
  let latency = 0
  let assumed = false
  let pending = 0
  /** Calls in flight that are answered by one message … */
  let awaited = 0
  /** … and when the node last answered one, or began to have any. */
  let heard = 0
  let stamp = clock.now()

  function observe(now: number, took: number): void {
    if (now === stamp && took <= 0) return
    const weight = Math.exp((stamp - now) / decay)
    stamp = now
    latency = took > latency ? took : latency * weight + took * (1 - weight)
  }

  return {
    get value() {
      const now = clock.now()
      observe(now, 0)
      return (awaited > 0 ? Math.max(latency, now - heard) : latency) * (pending + 1)
    },
    start(lasting = false) {
      const began = clock.now()
      observe(began, 0)
      pending++
      if (!lasting && awaited++ === 0) heard = began
      if (latency < forgotten) {
        latency = assumedLatency
        assumed = true
      }
      const known = assumed ? unknownLatency : latency
      return (outcome) => {
        pending--
        if (!lasting) awaited--
        if (outcome === 'canceled') {
          if (assumed && pending === 0) forget()
          return
        }
        if (assumed) forget()
        const now = clock.now()
        const took = now - began
        heard = now
        // From the latency when it began, so that calls that fail together count once.
        observe(now, outcome === 'ok' ? took : Math.max(took, Math.min(known * penalty, worstPenalty)))
      }
    },
  }

  function forget(): void {
    latency = 0
    assumed = false
  }
}
