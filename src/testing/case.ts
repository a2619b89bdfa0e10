import { AssertionError } from 'node:assert/strict'

/** One case of a conformance suite, to be given to any test runner. `run` rejects with an assertion error when what is tested fails it. */
export interface Case {
  readonly name: string
  run(): Promise<void>
}

/** The same case, which fails after `ms` milliseconds where it would wait for ever: not every runner has a limit of its own. */
export function bounded({ name, run }: Case, ms = 60_000): Case {
  return {
    name,
    async run() {
      let timer: NodeJS.Timeout | undefined
      const late = new Promise<never>((_, reject) => {
        timer = setTimeout(() => reject(new AssertionError({ message: `it has not come to an end after ${ms} ms` })), ms)
      })
      try {
        await Promise.race([run(), late])
      } finally {
        clearTimeout(timer)
      }
    },
  }
}
