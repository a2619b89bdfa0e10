import { describe, expect, it } from 'vitest'
import { retryBudget } from '../../src/middleware/retry-budget.ts'
import { manualClock } from '../../src/testing/index.ts'

function drain(budget: { withdraw(): boolean }): number {
  let count = 0
  while (budget.withdraw()) count++
  return count
}

describe('retryBudget', () => {
  it('allows some retries per second without any calls', () => {
    expect(drain(retryBudget({ clock: manualClock() }))).toBe(100)
    expect(drain(retryBudget({ clock: manualClock(), min: 0 }))).toBe(0)
  })

  it('allows a share of the calls', () => {
    const budget = retryBudget({ clock: manualClock(), min: 0 })
    for (let i = 0; i < 100; i++) budget.deposit()
    expect(drain(budget)).toBe(20)
    expect(budget.withdraw()).toBe(false)
  })

  it('forgets calls and retries after the window', async () => {
    const clock = manualClock()
    const budget = retryBudget({ clock, min: 1, ratio: 1, window: 10_000 })
    for (let i = 0; i < 50; i++) budget.deposit()
    expect(drain(budget)).toBe(60)
    await clock.advance(5000)
    expect(drain(budget)).toBe(0)
    await clock.advance(5000)
    expect(drain(budget)).toBe(10)
    await clock.advance(1_000_000)
    expect(drain(budget)).toBe(10)
  })

  it('forgets calls of long ago though no retry was asked for since', async () => {
    const clock = manualClock()
    const budget = retryBudget({ clock, min: 0, ratio: 1 })
    for (let i = 0; i < 640; i++) budget.deposit()
    await clock.advance(20_000)
    expect(drain(budget)).toBe(0)
  })

  it('refuses options that cannot be, by name', () => {
    expect(() => retryBudget({ ratio: -1 })).toThrow('retryBudget: ratio must be a number ≥ 0, got -1')
    expect(() => retryBudget({ min: Number.NaN })).toThrow('retryBudget: min must be a number ≥ 0, got NaN')
    expect(() => retryBudget({ window: 0 })).toThrow('retryBudget: window must be a number > 0, got 0')
  })
})
