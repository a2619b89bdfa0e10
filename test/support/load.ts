import type { RpcError } from '../../src/error.ts'

/** What a load came to. */
export interface Tally {
  readonly calls: number
  readonly failures: readonly RpcError[]
  /** Calls by who answered. */
  readonly perInstance: Readonly<Record<string, number>>
}

/** A load that goes on until it is stopped. */
export interface Load {
  readonly tally: Tally
  stop(): Promise<Tally>
}

/** Keeps `concurrency` calls in flight, one after another with a pause of `ms` between; `call` resolves to who answered. */
export function startLoad(call: () => Promise<string>, concurrency = 8, ms = 2): Load {
  const perInstance: Record<string, number> = {}
  const failures: RpcError[] = []
  let calls = 0
  let running = true

  async function worker(): Promise<void> {
    while (running) {
      calls++
      try {
        const who = await call()
        perInstance[who] = (perInstance[who] ?? 0) + 1
      } catch (error) {
        failures.push(error as RpcError)
      }
      // Leaves room for everything else on the machine: it is the faults that count here, not the speed.
      await new Promise((resolve) => setTimeout(resolve, ms))
    }
  }

  const workers = Array.from({ length: concurrency }, worker)
  const tally = (): Tally => ({ calls, failures, perInstance: { ...perInstance } })
  return {
    get tally() {
      return tally()
    },
    async stop() {
      running = false
      await Promise.all(workers)
      return tally()
    },
  }
}
