import type { Sample } from './sample.ts'

/** What may come to be more in the last two thirds of a run, as a share of what there is at half of it and at least as an amount. */
const bounds = {
  heap: { share: 0.05, least: 2_097_152 },
  rss: { share: 0.1, least: 16_777_216 },
  handles: { share: 0.1, least: 20 },
} as const

/** One measure of one process. */
export interface Trend {
  readonly measure: keyof typeof bounds
  /** The median of the last two thirds. */
  readonly level: number
  /** What it has grown by in that time, by the median of all slopes between two samples (Theil and Sen). */
  readonly growth: number
  readonly flat: boolean
}

/** Whether each measure is flat: over the last two thirds of the samples, as the first one is for the process to warm up. */
export function trends(samples: readonly Sample[]): Trend[] {
  const late = samples.slice(Math.ceil(samples.length / 3))
  const time = (late.at(-1)?.at ?? 0) - (late[0]?.at ?? 0)
  return (Object.keys(bounds) as (keyof typeof bounds)[]).map((measure) => {
    const slopes = late.flatMap((one, i) => late.slice(i + 1).map((other) => (other[measure] - one[measure]) / (other.at - one.at)))
    const growth = median(slopes) * time
    const level = median(late.map((one) => one[measure]))
    const { share, least } = bounds[measure]
    return { measure, level, growth, flat: late.length > 2 && growth <= Math.max(least, share * level) }
  })
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const half = Math.floor(sorted.length / 2)
  return sorted.length % 2 === 1 ? (sorted[half] ?? 0) : ((sorted[half - 1] ?? 0) + (sorted[half] ?? 0)) / 2
}
