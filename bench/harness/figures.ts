/** What one round of one peer came to. */
export interface Figures {
  /** Calls per second. */
  readonly rps: number
  readonly p50us: number
  readonly p99us: number
  /** Microseconds of processor time per call, on each side; where the system does not tell, not there. */
  readonly clientCpuUs?: number
  readonly serverCpuUs?: number
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

/** Each figure's median over the rounds, rounded. */
export function medians(rounds: readonly Figures[]): Figures {
  const middle = (of: (round: Figures) => number): number => {
    const sorted = rounds.map(of).sort((a, b) => a - b)
    const half = (sorted.length - 1) / 2
    return Math.round(((sorted[Math.floor(half)] ?? 0) + (sorted[Math.ceil(half)] ?? 0)) / 2)
  }
  const figures = { rps: middle(({ rps }) => rps), p50us: middle(({ p50us }) => p50us), p99us: middle(({ p99us }) => p99us) }
  if (rounds.some(({ clientCpuUs, serverCpuUs }) => clientCpuUs === undefined || serverCpuUs === undefined)) return figures
  const tenths = (of: (round: Figures) => number | undefined): number => middle((round) => (of(round) ?? 0) * 100) / 100
  return { ...figures, clientCpuUs: tenths((round) => round.clientCpuUs), serverCpuUs: tenths((round) => round.serverCpuUs) }
}
