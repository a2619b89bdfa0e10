/** Something that has to be over by a certain time. The links belong to {@link Deadlines}. */
export interface Timed {
  /** When, on `performance.now()`'s clock. */
  deadline: number
  list: DeadlineList | undefined
  earlier: Timed | undefined
  later: Timed | undefined
  expire(): void
}

/**
 * Deadlines of many calls with few timers: calls with about the same timeout share a list in order of expiry, where the
 * next one nearly always goes to the end. Timers do not keep the process alive. See Varghese and Lauck, "Hashed and
 * Hierarchical Timing Wheels", scheme 2.
 */
export class Deadlines {
  readonly #lists = new Map<number, DeadlineList>()

  add(timed: Timed, timeout: number): void {
    const key = timeout < 64 ? Math.ceil(timeout) : roundUp(timeout)
    let list = this.#lists.get(key)
    if (list === undefined) {
      list = new DeadlineList(() => this.#lists.delete(key))
      this.#lists.set(key, list)
    }
    list.add(timed)
  }
}

/** To 6 significant bits; from 12 days on they all share one list. */
function roundUp(timeout: number): number {
  if (timeout > 0x3fffffff) return 0x40000000
  const shift = 26 - Math.clz32(timeout)
  return ((timeout >>> shift) + 1) << shift
}

/** Longest delay of a timer. */
const longest = 0x7fffffff

/** Calls in order of expiry. */
export class DeadlineList {
  readonly #onEmpty: () => void
  #first: Timed | undefined
  #last: Timed | undefined
  #firesAt = Number.POSITIVE_INFINITY

  constructor(onEmpty: () => void) {
    this.#onEmpty = onEmpty
  }

  add(timed: Timed): void {
    let before = this.#last
    while (before !== undefined && before.deadline > timed.deadline) before = before.earlier
    const after = before === undefined ? this.#first : before.later
    timed.list = this
    timed.earlier = before
    timed.later = after
    if (before === undefined) this.#first = timed
    else before.later = timed
    if (after === undefined) this.#last = timed
    else after.earlier = timed
    if (timed.deadline < this.#firesAt) this.#arm(timed.deadline)
  }

  remove(timed: Timed): void {
    const { earlier, later } = timed
    if (earlier === undefined) this.#first = later
    else earlier.later = later
    if (later === undefined) this.#last = earlier
    else later.earlier = earlier
    timed.list = timed.earlier = timed.later = undefined
  }

  /** Timers that fire too early, for calls that have ended, cost less than taking them back. */
  #arm(deadline: number): void {
    this.#firesAt = deadline
    const wait = Math.min(longest, Math.max(1, Math.ceil(deadline - performance.now())))
    setTimeout(() => this.#fire(deadline), wait).unref()
  }

  #fire(firesAt: number): void {
    if (firesAt !== this.#firesAt) return
    const now = performance.now()
    try {
      while (this.#first !== undefined && this.#first.deadline <= now) {
        const timed = this.#first
        this.remove(timed)
        timed.expire()
      }
    } finally {
      // Also when what is told of an end throws: else no deadline of the list would come any more.
      this.#firesAt = Number.POSITIVE_INFINITY
      if (this.#first === undefined) this.#onEmpty()
      else this.#arm(this.#first.deadline)
    }
  }
}
