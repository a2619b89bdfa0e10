import { describe, expect, it } from 'vitest'
import { seeded } from '../support/context.ts'
import type { Sample } from './sample.ts'
import { trends } from './verdict.ts'

const random = seeded(1)
const run = (heap: (second: number) => number): Sample[] =>
  Array.from({ length: 60 }, (_, i) => ({ at: 6 * i, heap: heap(6 * i) + 1e6 * random(), rss: 9e7, handles: 100 }))
const flat = (samples: readonly Sample[]): boolean => trends(samples).every((trend) => trend.flat)

describe('a soak', () => {
  it('is flat when memory goes up and down, and when it only grew to begin with', () => {
    expect(flat(run(() => 2e7))).toBe(true)
    expect(flat(run((second) => 2e7 + 1e7 * Math.min(1, second / 100)))).toBe(true)
    expect(flat(run((second) => (second === 300 ? 9e7 : 2e7)))).toBe(true)
  })

  it('is not when memory grows and grows, however slowly', () => {
    expect(flat(run((second) => 2e7 + 12_000 * second))).toBe(false)
  })

  it('is not when handles are left', () => {
    const samples = run(() => 2e7).map((one) => ({ ...one, handles: 100 + one.at }))
    expect(trends(samples).map(({ flat }) => flat)).toEqual([true, true, false])
  })

  it('cannot be told flat by two samples', () => {
    expect(flat(run(() => 2e7).slice(0, 3))).toBe(false)
  })
})
