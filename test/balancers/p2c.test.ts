import { describe, expect, it } from 'vitest'
import { p2c } from '../../src/balancers/p2c.ts'
import { balancerSuite, manualClock } from '../../src/testing/index.ts'
import { contextOf, seeded } from '../support/context.ts'
import { node, picks, shares } from '../support/nodes.ts'

describe('p2c', () => {
  for (const { name, run } of balancerSuite({ create: () => p2c({ random: seeded(1) }) })) it(name, run)

  it('prefers the less loaded of two', () => {
    const nodes = [node('busy', 10), node('idle', 1)]
    expect(new Set(picks(p2c(), nodes, 200))).toEqual(new Set(['idle']))
  })

  it('compares two different nodes, whatever is drawn', () => {
    const extremes = [0, 0.5, 0.999999]
    for (const first of extremes) {
      for (const second of extremes) {
        const draws = [first, second]
        const nodes = ['a', 'b', 'c'].map((id) => {
          let reads = 0
          return {
            ...node(id),
            reads: () => reads,
            get load() {
              reads++
              return 0
            },
          }
        })
        p2c({ random: () => draws.shift() ?? 0 }).pick(nodes, contextOf())
        expect(nodes.map((one) => one.reads()).sort()).toEqual([0, 1, 1])
      }
    }
  })

  it('draws every pair equally often', () => {
    const nodes = [node('a', 1), node('b', 2), node('c', 3)]
    const got = shares(picks(p2c({ random: seeded(4) }), nodes, 30_000))
    expect(got.a).toBeCloseTo(2 / 3, 1)
    expect(got.b).toBeCloseTo(1 / 3, 1)
    expect(got.c).toBeUndefined()
  })

  it('divides the load by the weight', () => {
    const nodes = [node('light', 3, { weight: 1 }), node('heavy', 5, { weight: 2 })]
    expect(new Set(picks(p2c(), nodes, 100))).toEqual(new Set(['heavy']))
  })

  it('keeps calls in flight in proportion to the weight', () => {
    const clock = manualClock()
    const balancer = p2c({ clock, random: seeded(5) })
    const nodes = [1, 3].map((weight) => {
      const measure = balancer.measure?.()
      return {
        ...node(`w${weight}`, 0, { weight }),
        measure,
        get load() {
          return measure?.value ?? 0
        },
      }
    })
    const counts: Record<string, number> = {}
    for (let i = 0; i < 4000; i++) {
      const picked = balancer.pick(nodes, contextOf())
      counts[picked.instance.id] = (counts[picked.instance.id] ?? 0) + 1
      const end = picked.measure?.start()
      clock.after(40, () => end?.('ok'))
      clock.advanceSync(1)
    }
    expect((counts.w3 ?? 0) / (counts.w1 ?? 1)).toBeGreaterThan(2.5)
    expect((counts.w3 ?? 0) / (counts.w1 ?? 1)).toBeLessThan(3.5)
  })

  it('refuses options that cannot be, by name', () => {
    expect(() => p2c({ decay: 0 })).toThrow('decay must be a number > 0, got 0')
    expect(() => p2c({ penalty: Number.NaN })).toThrow('penalty must be a number ≥ 1, got NaN')
  })
})
