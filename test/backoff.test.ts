import { describe, expect, it } from 'vitest'
import { backoff, checkBackoff } from '../src/backoff.ts'

describe('backoff', () => {
  it("grows by gRPC's factor up to its longest", () => {
    const waits = backoff({ random: () => 0.5 })
    const first = Array.from({ length: 12 }, () => Math.round(waits.next()))
    expect(first.slice(0, 4)).toEqual([1000, 1600, 2560, 4096])
    expect(first.at(-1)).toBe(120_000)
  })

  it('starts again after a reset', () => {
    const waits = backoff({ base: 10, factor: 2, jitter: 0 })
    expect([waits.next(), waits.next(), waits.next()]).toEqual([10, 20, 40])
    waits.reset()
    expect(waits.next()).toBe(10)
  })

  it('is random by its jitter, both ways', () => {
    const draws = [0, 0.5, 0.999999]
    const waits = backoff({ base: 100, factor: 1, jitter: 0.2, random: () => draws.shift() ?? 0 })
    expect([waits.next(), waits.next(), waits.next()].map(Math.round)).toEqual([80, 100, 120])
  })

  it('stays finite however often it fails', () => {
    const waits = backoff({ base: 50, max: 5000, jitter: 0 })
    for (let i = 0; i < 5000; i++) waits.next()
    expect(waits.next()).toBe(5000)
  })
})

describe('checkBackoff', () => {
  it.each([
    [{ base: -1 }, 'base must be a number ≥ 0, got -1'],
    [{ factor: 0.9 }, 'factor must be a number ≥ 1, got 0.9'],
    [{ max: -1 }, 'max must be a number ≥ 0, got -1'],
    [{ jitter: -0.1 }, 'jitter must be a number ≥ 0 and ≤ 1, got -0.1'],
    [{ jitter: 1.1 }, 'jitter must be a number ≥ 0 and ≤ 1, got 1.1'],
  ])('refuses %j, by name', (options, message) => {
    expect(() => checkBackoff('x', options)).toThrow(`invalid_argument: x.${message}`)
  })

  it('takes what is in its range, and what is absent', () => {
    for (const options of [{ base: 0, factor: 1, max: 0, jitter: 0 }, { jitter: 1 }, {}]) expect(checkBackoff('x', options)).toBe(options)
  })
})
