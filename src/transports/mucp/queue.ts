import type { RpcError } from '../../error.ts'
import { Ending, leftEarly, type TellingStream } from '../../stream.ts'

/** Messages that came and wait to be read, by one reader. */
export interface Queue<T> extends TellingStream<T> {
  push(item: T): void
  /** After what waits: the end, or an error. */
  end(error?: RpcError): void
}

/** What a {@link Queue} tells of its reader. */
export interface QueueEvents {
  /** There is too much that waits, or no longer. */
  full(full: boolean): void
  /** The reader has left before the end. */
  left(): void
}

/** So many messages may wait before their sender has to. */
const enough = 16

/** An empty queue. */
export function createQueue<T>({ full, left }: QueueEvents): Queue<T> {
  const items: T[] = []
  const waiting: (() => void)[] = []
  let over = false
  let error: RpcError | undefined
  const ending = new Ending()

  function wake(): void {
    for (const go of waiting.splice(0)) go()
  }

  /** What a listener throws is for the reader. */
  function tell(why: RpcError | undefined): void {
    const thrown = ending.tell(why)
    error ??= thrown
  }

  async function next(): Promise<IteratorResult<T>> {
    while (items.length === 0) {
      if (over) {
        tell(error)
        const thrown = error
        error = undefined
        if (thrown !== undefined) throw thrown
        return { done: true, value: undefined }
      }
      await new Promise<void>((resolve) => void waiting.push(resolve))
    }
    const value = items.shift() as T
    if (items.length === enough - 1) full(false)
    return { done: false, value }
  }

  return {
    push(item) {
      if (over) return
      items.push(item)
      if (items.length === enough) full(true)
      wake()
    },
    end(why) {
      if (over) return
      over = true
      error = why
      if (why !== undefined || items.length === 0) tell(why)
      wake()
    },
    tellEnd(callback) {
      const thrown = ending.ask(callback)
      error ??= thrown
    },
    [Symbol.asyncIterator]: () => ({
      next,
      async return() {
        const early = !over
        over = true
        tell(leftEarly())
        error = undefined
        if (items.length >= enough) full(false)
        items.length = 0
        wake()
        if (early) left()
        return { done: true, value: undefined }
      },
    }),
  }
}
