import { ErrorCode, fault } from './fault.ts'

/** How much a peer may do that costs it little and this side more. */
export interface GuardLimits {
  /** Streams that may be reset at once, by the peer or for its errors. A tenth of them comes back every second. */
  readonly maxResets: number
  /** Frames without a use that may come at once. A tenth of them comes back every second. */
  readonly maxControlFrames: number
  /** Milliseconds between PINGs while nothing else happens; 0 for any. */
  readonly minPingInterval: number
  /** Whether that also holds without calls; else there should be two hours between them. */
  readonly pingsWithoutCalls: boolean
  /** Frames that one header block may come in. */
  readonly maxHeaderFrames: number
  /** Bytes written for the peer that it may leave unread before it is given up. */
  readonly maxUnreadBytes: number
}

/** What may happen at once, and comes back in ten seconds. */
class Budget {
  readonly #most: number
  #left: number
  #at = 0

  constructor(most: number) {
    this.#most = most
    this.#left = most
  }

  /** Takes so much of what is left at a time; false when there is none. */
  spend(amount: number, now: number): boolean {
    this.#left = Math.min(this.#most, this.#left + ((now - this.#at) * this.#most) / 10_000) - amount
    this.#at = now
    return this.#left >= 0
  }
}

/** PINGs too early that are forgiven, and the time between them without calls. https://github.com/grpc/proposal/blob/master/A8-client-side-keepalive.md */
const mostStrikes = 2
const withoutCalls = 7_200_000

/** Watches a peer for floods. What it throws ends the connection with ENHANCE_YOUR_CALM. Times are on `performance.now()`'s clock. */
export class Guard {
  readonly #limits: GuardLimits
  readonly #resets: Budget
  readonly #control: Budget
  #strikes = 0
  #pinged = Number.NEGATIVE_INFINITY
  #progress = -1

  constructor(limits: GuardLimits) {
    this.#limits = limits
    this.#resets = new Budget(limits.maxResets)
    this.#control = new Budget(limits.maxControlFrames)
  }

  /** A stream was reset. CVE-2023-44487, and CVE-2025-8671 where this side is made to do it. */
  reset(now: number): void {
    if (!this.#resets.spend(1, now)) throw calm('too_many_resets')
  }

  /** A frame that brings nothing came; `weight` is what it costs. */
  control(now: number, weight = 1): void {
    if (!this.#control.spend(weight, now)) throw calm('too_many_control_frames')
  }

  /** A PING came. `progress` is any number that changes with whatever makes another one reasonable. */
  ping(now: number, progress: number, calls: number): void {
    const { minPingInterval, pingsWithoutCalls } = this.#limits
    if (minPingInterval === 0) {
      this.control(now)
      return
    }
    const early = now - this.#pinged < (calls > 0 || pingsWithoutCalls ? minPingInterval : withoutCalls)
    this.#pinged = now
    if (progress !== this.#progress) {
      this.#progress = progress
      this.#strikes = 0
    } else if (early && ++this.#strikes > mostStrikes) throw calm('too_many_pings')
  }
}

function calm(text: string): Error {
  return fault(ErrorCode.enhanceYourCalm, text)
}
