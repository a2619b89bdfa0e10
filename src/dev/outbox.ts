/** What is to be sent on a stream, made only when the transport asks for it. */
export interface Outbox<T> extends AsyncIterable<T> {
  /** There may be something to send now. */
  wake(): void
  /** Ends the stream. Idempotent. */
  end(): void
}

/**
 * An outbox for one reader. `take` returns the next message, if there is one; `ended` is called once, when the reader has
 * left or {@link Outbox.end} was called.
 */
export function outbox<T>(take: () => T | undefined, ended: () => void): Outbox<T> {
  let open = true
  let waiting: ((result: IteratorResult<T, undefined>) => void) | undefined

  function wake(): void {
    if (waiting === undefined) return
    const value = open ? take() : undefined
    if (open && value === undefined) return
    const settle = waiting
    waiting = undefined
    settle(value === undefined ? { done: true, value: undefined } : { done: false, value })
  }

  function end(): void {
    if (!open) return
    open = false
    ended()
    wake()
  }

  return {
    wake,
    end,
    [Symbol.asyncIterator]: () => ({
      next() {
        return new Promise((settle) => {
          waiting = settle
          wake()
        })
      },
      async return() {
        end()
        return { done: true, value: undefined }
      },
    }),
  }
}
