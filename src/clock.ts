import { RpcError } from './error.ts'

/** Time as a parameter, so that tests turn it by hand (`beckon/testing`). */
export interface Clock {
  /** Milliseconds that never go backwards; only differences mean something. */
  now(): number
  /** Calls back once after `ms` milliseconds; returns how to call it off. Does not keep the process alive, unless `keepAlive`. */
  after(ms: number, callback: () => void, keepAlive?: boolean): () => void
}

/** The longest that a timer takes, in milliseconds; one that is to take longer ends at once. */
const longest = 2 ** 31 - 1

/** The system's monotonic clock. Calls back after 24 days where it is asked to wait for longer. */
export const systemClock: Clock = {
  now: () => performance.now(),
  after(ms, callback, keepAlive = false) {
    const timer = setTimeout(callback, Math.min(ms, longest))
    if (!keepAlive) timer.unref()
    return () => clearTimeout(timer)
  },
}

/** As a microtask by queueMicrotask, for a third of its cost: that makes an object for async_hooks each time. */
const soon: Promise<void> = Promise.resolve()

let read: number | undefined

/**
 * {@link systemClock}, read at most once while a run of microtasks lasts, for measures taken on every call. It is late by no more
 * than the program keeps the thread busy without a pause.
 */
export const coarseClock: Clock = {
  now() {
    if (read === undefined) {
      read = performance.now()
      void soon.then(forget)
    }
    return read
  },
  after: systemClock.after,
}

function forget(): void {
  read = undefined
}

/** How {@link sleep} can be ended early, and what it does to the process. */
export interface SleepOptions {
  readonly signal?: AbortSignal | undefined
  /** Whether the process stays for it. Default false. */
  readonly keepAlive?: boolean | undefined
}

/** Resolves after `ms` milliseconds. Rejects with the signal's reason as an RpcError (`canceled`), as soon as it is aborted. */
export function sleep(clock: Clock, ms: number, options: SleepOptions = {}): Promise<void> {
  const { signal, keepAlive } = options
  return new Promise((resolve, reject) => {
    const wake = clock.after(ms, done, keepAlive)
    signal?.addEventListener('abort', aborted, { once: true })
    if (signal?.aborted) aborted()

    function done(): void {
      signal?.removeEventListener('abort', aborted)
      resolve()
    }
    function aborted(): void {
      wake()
      signal?.removeEventListener('abort', aborted)
      reject(RpcError.from(signal?.reason, 'canceled'))
    }
  })
}
