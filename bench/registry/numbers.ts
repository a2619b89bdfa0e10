/** Of a sorted or unsorted list; the value that a share of the others does not exceed. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? 0
}

/** The middle of a list. */
export function median(values: readonly number[]): number {
  return percentile(values, 0.5)
}

/** To two or three digits that mean something. */
export function rounded(value: number): number {
  return value >= 100 ? Math.round(value) : Number(value.toPrecision(3))
}

/** What half and 99 in 100 of the durations did not exceed, in milliseconds. */
export interface Spread {
  readonly p50: number
  readonly p99: number
}

/** The {@link Spread} of durations in milliseconds. */
export function spread(ms: readonly number[]): Spread {
  return { p50: rounded(percentile(ms, 0.5)), p99: rounded(percentile(ms, 0.99)) }
}

/** Resolves when `condition` does with true; rejects naming `what` when that takes longer than `ms` milliseconds. */
export async function until(what: string, condition: () => Promise<boolean> | boolean, ms = 30_000, pause = 2): Promise<void> {
  const end = performance.now() + ms
  while (!(await condition())) {
    if (performance.now() > end) throw new Error(`${what}: not within ${ms} ms`)
    await new Promise((resolve) => setTimeout(resolve, pause))
  }
}
