import type { Measured } from './setup.ts'

/** What a round of a peer came to, or the median of several. */
export interface Figures {
  /** Calls, or messages of streams, per second. */
  readonly rps: number
  readonly p50us: number
  readonly p99us: number
  /** The longest. */
  readonly maxUs: number
  /** Microseconds of processor time per call or message, on each side. */
  readonly clientCpuUs: number
  readonly serverCpuUs: number
  /** Bytes per second that went by beside it, each way. */
  readonly streamed?: number
}

/** Figures by peer and level: calls in flight, streams, or bytes. */
export type Results = ReadonlyMap<string, ReadonlyMap<number, Figures>>

/** What a client measured, and the processor time of its server meanwhile in microseconds. */
export function figures({ count, seconds, cpuUs, p50us, p99us, maxUs, streamed }: Measured, serverCpuUs: number): Figures {
  const calls = Math.max(count, 1)
  const perCall = { clientCpuUs: cpuUs / calls, serverCpuUs: serverCpuUs / calls }
  return { rps: count / seconds, p50us, p99us, maxUs, ...perCall, ...(streamed !== undefined && { streamed: streamed / seconds }) }
}

/** Counts durations by the microsecond up to a second; longer ones count as a second. */
export class Histogram {
  readonly #counts = new Uint32Array(1_000_001)
  #total = 0

  get total(): number {
    return this.#total
  }

  add(ms: number): void {
    const index = Math.min(Math.round(ms * 1000), 1_000_000)
    this.#counts[index] = (this.#counts[index] ?? 0) + 1
    this.#total++
  }

  /** The microseconds that a share of the durations does not exceed. */
  percentile(share: number): number {
    let left = Math.ceil(this.#total * share)
    for (const [us, count] of this.#counts.entries()) {
      left -= count
      if (left <= 0) return us
    }
    return 0
  }
}

/** Each figure's median over the rounds. */
export function medians(rounds: readonly Figures[]): Figures {
  const middle = (of: (round: Figures) => number, digits = 0): number => {
    const sorted = rounds.map(of).sort((a, b) => a - b)
    const half = (sorted.length - 1) / 2
    return Number((((sorted[Math.floor(half)] ?? 0) + (sorted[Math.ceil(half)] ?? 0)) / 2).toFixed(digits))
  }
  return {
    rps: middle(({ rps }) => rps),
    p50us: middle(({ p50us }) => p50us),
    p99us: middle(({ p99us }) => p99us),
    maxUs: middle(({ maxUs }) => maxUs),
    clientCpuUs: middle(({ clientCpuUs }) => clientCpuUs, 2),
    serverCpuUs: middle(({ serverCpuUs }) => serverCpuUs, 2),
    ...(rounds[0]?.streamed !== undefined && { streamed: middle(({ streamed = 0 }) => streamed) }),
  }
}
