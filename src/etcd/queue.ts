/** What is pushed in comes out by iteration, in order. For one reader. */
export interface Queue<T> extends AsyncIterable<T> {
  push(item: T): void
  /** Ends the iteration once everything has come out. */
  end(): void
}

/** A queue without a bound: for requests that are few and small. */
export function createQueue<T>(): Queue<T> {
  const items: T[] = []
  let ended = false
  let wake = (): void => {}
  return {
    push(item) {
      if (ended) return
      items.push(item)
      wake()
    },
    end() {
      ended = true
      wake()
    },
    async *[Symbol.asyncIterator]() {
      try {
        for (;;) {
          for (let item = items.shift(); item !== undefined; item = items.shift()) yield item
          if (ended) return
          await new Promise<void>((resolve) => {
            wake = resolve
          })
        }
      } finally {
        ended = true
      }
    },
  }
}
