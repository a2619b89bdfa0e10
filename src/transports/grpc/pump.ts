import { type Code, RpcError } from '../../error.ts'

/** Where messages go. */
export interface Sink<T> {
  /** Sends a message; a promise when the next one has to wait. Throws when it cannot be encoded. */
  send(message: T): Promise<void> | undefined
  /** The stream is at its end. */
  finish(): void
  /** The stream has failed. Not called after {@link Pump.stop}. */
  fail(error: unknown): void
}

/** Messages being sent. */
export interface Pump {
  /** Sends nothing more and leaves the stream's iteration. Idempotent. */
  stop(): void
}

/**
 * So many messages of a stream are dealt with in a row at most, before everything else in the process has its turn. An iteration that is
 * never made to wait would never let it go otherwise: promises come before sockets and timers.
 */
export const burst = 128

/** Sends a stream's messages, taking the next one only when the last has found room. */
export function pump<T>(messages: AsyncIterable<T>, sink: Sink<T>): Pump {
  let iterator: AsyncIterator<T> | undefined
  let stopped = false
  void run()

  async function run(): Promise<void> {
    try {
      iterator = messages[Symbol.asyncIterator]()
      for (let count = 1; ; count++) {
        const result = await iterator.next()
        if (stopped) return
        if (result.done) break
        const room = sink.send(result.value)
        if (room !== undefined) await room
        if (count % burst === 0) await new Promise(setImmediate)
        if (stopped) return
      }
      finish()
    } catch (error) {
      if (stopped) return
      stop()
      sink.fail(error)
    }
  }

  function finish(): void {
    stopped = true
    try {
      sink.finish()
    } catch (error) {
      sink.fail(error)
    }
  }

  function stop(): void {
    if (stopped) return
    stopped = true
    // Its own errors, thrown or rejected, have nobody to go to any more.
    void (async () => iterator?.return?.())().catch(() => {})
  }

  return { stop }
}

/** The iterable itself, or a clear error for what is none. */
export function checkIterable(value: unknown, code: Code, what: string): AsyncIterable<unknown> {
  if (typeof value === 'object' && value !== null && Symbol.asyncIterator in value) return value as AsyncIterable<unknown>
  throw new RpcError(code, `${what} must be an async iterable, as an async generator returns`)
}
