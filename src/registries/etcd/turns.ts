/** Lets so many tasks run at a time, and the others wait, in the order they came. */
export interface Turns {
  run<T>(task: () => Promise<T>): Promise<T>
  /** When a task succeeded last, on performance.now()'s clock: whoever still waits is not waiting in vain. */
  readonly movedAt: number
}

/** `most` at a time. */
export function createTurns(most: number): Turns {
  const waiting: (() => void)[] = []
  let running = 0
  let movedAt = Number.NEGATIVE_INFINITY
  return {
    async run(task) {
      if (running < most) running += 1
      else await new Promise<void>((resolve) => waiting.push(resolve))
      try {
        const result = await task()
        movedAt = performance.now()
        return result
      } finally {
        const next = waiting.shift()
        if (next === undefined) running -= 1
        else next()
      }
    },
    get movedAt() {
      return movedAt
    },
  }
}
