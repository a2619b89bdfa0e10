import { describe, expect, it } from 'vitest'
import type { Balancer, Outcome } from '../../src/balancer.ts'
import { p2c } from '../../src/balancers/p2c.ts'
import { roundRobin } from '../../src/balancers/round-robin.ts'
import { type ManualClock, manualClock } from '../../src/testing/index.ts'
import { contextOf, seeded } from '../support/context.ts'
import { measured } from '../support/nodes.ts'

/** How a backend answers at a time: how long it takes, in milliseconds, and how it ends. */
type Backend = (now: number) => readonly [took: number, outcome: Outcome]

const steady: Backend = () => [20, 'ok']

/**
 * What Finagle's balancersim does: calls come in at a steady rate, each backend answers as told, and the picks are counted. Time is turned
 * by hand, so every run is the same.
 */
function simulate(make: (clock: ManualClock, random: () => number) => Balancer, backends: Readonly<Record<string, Backend>>) {
  const clock = manualClock()
  const random = seeded(7)
  const balancer = make(clock, random)
  const nodes = Object.keys(backends).map((id) => measured(id, balancer.measure?.() ?? { value: 0, start: () => () => {} }))

  /** Makes `rate` calls per second for some seconds; returns the share of each backend, and the latencies in ascending order. */
  return (seconds: number, rate = 200) => {
    const counts: Record<string, number> = Object.fromEntries(nodes.map(({ instance }) => [instance.id, 0]))
    const latencies: number[] = []
    for (let i = 0; i < seconds * rate; i++) {
      const node = balancer.pick(nodes, contextOf())
      const { id } = node.instance
      counts[id] = (counts[id] ?? 0) + 1 / (seconds * rate)
      const [took, outcome] = backends[id]?.(clock.now()) ?? [0, 'ok']
      const end = node.measure.start()
      // ±10 %, as real ones are never exact.
      const real = took * (0.9 + 0.2 * random())
      latencies.push(real)
      clock.after(real, () => end(outcome))
      clock.advanceSync(1000 / rate)
    }
    return { share: (id: string) => counts[id] ?? 0, latencies: latencies.sort((a, b) => a - b) }
  }
}

const p2cOf = (clock: ManualClock, random: () => number): Balancer => p2c({ clock, random })

describe('p2c on peakEwma, simulated', () => {
  it('spreads calls evenly over equal nodes', () => {
    const run = simulate(p2cOf, { a: steady, b: steady, c: steady, d: steady })
    run(10)
    const { share } = run(60)
    for (const id of ['a', 'b', 'c', 'd']) expect(share(id), id).toBeCloseTo(0.25, 1)
  })

  it('gives a slow node little, and callers hardly notice it', () => {
    const backends: Record<string, Backend> = { a: steady, b: steady, c: steady, d: steady, slow: () => [500, 'ok'] }
    const run = simulate(p2cOf, backends)
    const { share, latencies } = run(60)
    expect(share('slow')).toBeLessThan(0.02)
    expect(share('slow')).toBeGreaterThan(0)
    expect(latencies[Math.floor(latencies.length * 0.95)]).toBeLessThan(50)
    const even = simulate(() => roundRobin(), backends)(60)
    expect(even.latencies[Math.floor(even.latencies.length * 0.95)]).toBeGreaterThan(400)
  })

  it('is not drawn to a node that fails fast', () => {
    const run = simulate(p2cOf, { a: steady, b: steady, c: steady, broken: () => [1, 'failed'] })
    const { share } = run(60)
    expect(share('broken')).toBeLessThan(0.01)
    expect(share('broken')).toBeGreaterThan(0)
  })

  it('brings the traffic back when a slow node recovers', () => {
    const run = simulate(p2cOf, { a: steady, b: steady, c: steady, d: (now) => (now < 20_000 ? [1000, 'ok'] : [20, 'ok']) })
    expect(run(20).share('d')).toBeLessThan(0.05)
    run(60)
    expect(run(20).share('d')).toBeGreaterThan(0.15)
  })

  it('brings the traffic back when a failing node recovers', () => {
    const run = simulate(p2cOf, { a: steady, b: steady, c: steady, d: (now) => (now < 20_000 ? [1, 'failed'] : [20, 'ok']) })
    expect(run(20).share('d')).toBeLessThan(0.02)
    run(60)
    expect(run(20).share('d')).toBeGreaterThan(0.15)
  })

  it('does not crowd a node that is new and cold', () => {
    const cold: Backend = (now) => [now < 2000 ? 2000 - now : 20, 'ok']
    const { share } = simulate(p2cOf, { a: steady, b: steady, c: steady, cold })(2)
    expect(share('cold')).toBeLessThan(0.02)
  })

  it('goes on when all nodes fail, and evenly', () => {
    const failing: Backend = () => [5, 'failed']
    const { share } = simulate(p2cOf, { a: failing, b: failing, c: failing })(60)
    for (const id of ['a', 'b', 'c']) expect(share(id), id).toBeGreaterThan(0.15)
  })
})
