import { sleep, systemClock } from '../../clock.ts'

/** What a steady load has come to. */
export interface Tally {
  /** Calls that have ended. */
  readonly calls: number
  readonly failed: number
  /** Calls answered, by the address of the instance. */
  readonly perInstance: ReadonlyMap<string, number>
  /** What failed calls failed with, each text once. */
  readonly errors: ReadonlySet<string>
}

/** A load that runs. */
export interface SteadyLoad extends Tally {
  /** Ends it; resolves when the calls under way have ended. */
  stop(): Promise<void>
}

/** How many callers there are, and how long each pauses between two calls, in milliseconds: steady, and far from all the machine can do. */
export const callers = 32
const pause = 5

/** Calls over and over; `call` resolves with the address that answered. */
export function steadyLoad(call: () => Promise<string>): SteadyLoad {
  const perInstance = new Map<string, number>()
  const errors = new Set<string>()
  let calls = 0
  let failed = 0
  let stopped = false

  async function caller(): Promise<void> {
    while (!stopped) {
      try {
        const address = await call()
        perInstance.set(address, (perInstance.get(address) ?? 0) + 1)
      } catch (error) {
        failed++
        errors.add((error as Error).message)
      }
      calls++
      await sleep(systemClock, pause, { keepAlive: true })
    }
  }

  const running = Promise.all(Array.from({ length: callers }, caller))
  return {
    perInstance,
    errors,
    get calls() {
      return calls
    },
    get failed() {
      return failed
    },
    async stop() {
      stopped = true
      await running
    },
  }
}
