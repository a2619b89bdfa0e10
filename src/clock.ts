/** Time as a parameter, so that tests turn it by hand (`beckon/testing`). */
export interface Clock {
  /** Milliseconds that never go backwards; only differences mean something. */
  now(): number
  /** Calls back once after `ms` milliseconds; returns how to call it off. Does not keep the process alive. */
  after(ms: number, callback: () => void): () => void
}

/** The system's monotonic clock. */
export const systemClock: Clock = {
  now: () => performance.now(),
  after(ms, callback) {
    const timer = setTimeout(callback, ms)
    timer.unref()
    return () => clearTimeout(timer)
  },
}
