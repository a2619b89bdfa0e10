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

/** The system's monotonic clock. */
export const systemClock: Clock = {
  now: () => performance.now(),
  after(ms, callback, keepAlive = false) {
    let callOff = (): void => clearTimeout(timer)
    const goOn = (): void => {
      callOff = systemClock.after(ms - longest, callback, keepAlive)
    }
    // A timer cuts fractions off, and would end too early.
    const timer = ms > longest ? setTimeout(goOn, longest) : setTimeout(callback, Math.ceil(ms))
    if (!keepAlive) timer.unref()
    return () => callOff()
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

/** How a wait can be ended early, and what it does to the process. */
export interface SleepOptions {
  readonly signal?: AbortSignal | undefined
  /** Whether the process stays for it. Default false. */
  readonly keepAlive?: boolean | undefined
}

/**
 * Rings once: after `ms` milliseconds without an error, or with the signal's reason as an RpcError (`canceled`) as soon as it is aborted, though never
 * before this has returned. Returns how to call it off.
 */
export function alarm(clock: Clock, ms: number, options: SleepOptions, ring: (reason?: RpcError) => void): () => void {
  const { signal, keepAlive } = options
  let over = false
  const wake = clock.after(ms, end, keepAlive)
  if (signal?.aborted) queueMicrotask(end)
  else signal?.addEventListener('abort', end, { once: true })
  return callOff

  function callOff(): void {
    over = true
    wake()
    signal?.removeEventListener('abort', end)
  }
  function end(): void {
    if (over) return
    callOff()
    ring(signal?.aborted ? RpcError.from(signal.reason, 'canceled') : undefined)
  }
}

/** Resolves after `ms` milliseconds. Rejects with the signal's reason as an RpcError (`canceled`), as soon as it is aborted. */
export function sleep(clock: Clock, ms: number, options: SleepOptions = {}): Promise<void> {
  return new Promise((resolve, reject) => {
    alarm(clock, ms, options, (reason) => (reason === undefined ? resolve() : reject(reason)))
  })
}
