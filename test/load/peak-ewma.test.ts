import { describe, expect, it } from 'vitest'
import type { Load, Outcome } from '../../src/balancer.ts'
import { type PeakEwmaOptions, peakEwma } from '../../src/load/peak-ewma.ts'
import { type ManualClock, manualClock } from '../../src/testing/index.ts'

function setUp(options: PeakEwmaOptions = {}): { clock: ManualClock; load: Load; call(ms: number, outcome?: Outcome): void } {
  const clock = manualClock()
  const load = peakEwma({ clock, ...options })
  return {
    clock,
    load,
    call(ms, outcome = 'ok') {
      const end = load.start()
      clock.advanceSync(ms)
      end(outcome)
    },
  }
}

describe('peakEwma', () => {
  it('is 0 without a history', () => {
    expect(setUp().load.value).toBe(0)
  })

  it('is the latency when nothing is in flight, and grows with every call that is', () => {
    const { load, call } = setUp()
    call(20)
    expect(load.value).toBe(20)
    const ends = [load.start(), load.start()]
    expect(load.value).toBe(60)
    for (const end of ends) end('canceled')
    expect(load.value).toBe(20)
  })

  it('jumps to a new peak at once and comes down gradually', () => {
    const { load, call } = setUp()
    call(10)
    call(300)
    expect(load.value).toBe(300)
    call(10)
    expect(load.value).toBeGreaterThan(290)
    for (let i = 0; i < 100; i++) call(10)
    expect(load.value).toBeGreaterThan(100)
    for (let i = 0; i < 9000; i++) call(10)
    expect(load.value).toBeCloseTo(10, 1)
  })

  it('decays to 1/e of the latency in `decay` without calls', () => {
    const { clock, load, call } = setUp({ decay: 2000 })
    call(100)
    clock.advanceSync(2000)
    expect(load.value).toBeCloseTo(100 / Math.E, 6)
  })

  it('comes down to what calls take at the same pace', () => {
    const { load, call } = setUp({ decay: 2000 })
    call(100)
    call(50)
    const left = Math.exp(-50 / 2000)
    expect(load.value).toBeCloseTo(100 * left + 50 * (1 - left), 6)
  })

  it('does not depend on how often it is read', () => {
    const [often, once] = [setUp(), setUp()]
    for (const { call } of [often, once]) call(100)
    for (let i = 0; i < 50; i++) {
      often.clock.advanceSync(10)
      expect(often.load.value).toBeGreaterThan(0)
    }
    once.clock.advanceSync(500)
    expect(often.load.value).toBeCloseTo(once.load.value, 9)
  })

  it('keeps the crowd away from a node without a history until its first answer', () => {
    const { clock, load } = setUp()
    const end = load.start()
    expect(load.value).toBeGreaterThan(1000)
    clock.advanceSync(5)
    end('ok')
    expect(load.value).toBe(5)
  })

  it('does so again when the history is forgotten', () => {
    const { clock, load, call } = setUp()
    call(5)
    clock.advanceSync(600_000)
    load.start()
    expect(load.value).toBeGreaterThan(1000)
  })

  it('does not hold a long stream against a node for ever', () => {
    const { clock, load } = setUp()
    load.start(true)
    clock.advanceSync(120_000)
    expect(load.value).toBeLessThan(1)
  })

  it('counts a node that answers nothing as slow from that moment on', () => {
    const { clock, load, call } = setUp()
    call(20)
    const end = load.start()
    clock.advanceSync(15)
    expect(load.value).toBeLessThan(50)
    clock.advanceSync(985)
    expect(load.value).toBe(2000)
    load.start()
    expect(load.value).toBe(3000)
    end('ok')
    clock.advanceSync(10)
    load.start()('canceled')
    expect(load.value).toBeLessThan(2000)
  })

  it('counts it as slow after a stream has ended, too', () => {
    const { clock, load } = setUp()
    load.start(true)('canceled')
    load.start()
    clock.advanceSync(20_000)
    expect(load.value).toBe(40_000)
  })

  it('learns nothing from a canceled call', () => {
    const { load, call } = setUp()
    call(500, 'canceled')
    expect(load.value).toBe(0)
    call(20)
    call(500, 'canceled')
    expect(load.value).toBeLessThan(20)
  })

  it('counts a fast failure as a slow call', () => {
    const { load, call } = setUp()
    call(20)
    call(1, 'failed')
    expect(load.value).toBeCloseTo(200, 0)
    call(1, 'failed')
    expect(load.value).toBeCloseTo(2000, -1)
  })

  it('counts failures at the same time once', () => {
    const { clock, load, call } = setUp({ penalty: 10 })
    call(20)
    const ends = Array.from({ length: 50 }, () => load.start())
    clock.advanceSync(1)
    for (const end of ends) end('failed')
    expect(load.value).toBeCloseTo(200, 0)
  })

  it('counts a failure as long as it took when that is longer', () => {
    const { load, call } = setUp()
    call(20)
    call(30_000, 'failed')
    expect(load.value).toBe(30_000)
  })

  it('does not take a first call that fails fast for a fast node', () => {
    const { load, call } = setUp()
    call(1, 'failed')
    expect(load.value).toBe(300)
  })
})
