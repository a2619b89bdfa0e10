import { describe, expect, it } from 'vitest'
import type { Load } from '../../src/balancer.ts'
import { p2c } from '../../src/balancers/p2c.ts'
import { balancerSuite, manualClock } from '../../src/testing/index.ts'
import { contextOf, seeded } from '../support/context.ts'
import { measured, node, picks, shares, type TestNode } from '../support/nodes.ts'

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

  it('draws by weight among nodes that are alike in load', () => {
    const nodes = [node('light', 0, { weight: 2 }), node('heavy', 0, { weight: 6 })]
    expect(shares(picks(p2c({ random: seeded(6) }), nodes, 20_000)).light).toBeCloseTo(0.25, 1)
    const [light, heavy] = nodes as [TestNode, TestNode]
    light.load = 20
    heavy.load = 25
    expect(shares(picks(p2c({ random: seeded(6) }), nodes, 20_000)).light).toBeCloseTo(0.25, 1)
  })

  it('prefers the less loaded of two when their loads differ by more than their weights', () => {
    const [light, heavy] = [node('light', 1, { weight: 2 }), node('heavy', 3.1, { weight: 6 })]
    expect(new Set(picks(p2c(), [light, heavy], 100))).toEqual(new Set(['light']))
    light.load = 10
    expect(new Set(picks(p2c(), [light, heavy], 100))).toEqual(new Set(['heavy']))
    heavy.load = 0
    light.load = 0.001
    expect(new Set(picks(p2c(), [light, heavy], 100))).toEqual(new Set(['heavy']))
  })

  it.each([1, 40])('gives calls by weight, with about %d in flight', (inFlight) => {
    const clock = manualClock()
    const balancer = p2c({ clock, random: seeded(5) })
    const nodes = [1, 3].map((weight) => {
      const one = measured(`w${weight}`, balancer.measure?.() as Load)
      return Object.assign(one, { instance: { ...one.instance, weight } })
    })
    const noise = seeded(8)
    const ids: string[] = []
    for (let i = 0; i < 8000; i++) {
      const picked = balancer.pick(nodes, contextOf())
      ids.push(picked.instance.id)
      const end = picked.measure.start()
      clock.after(inFlight * (0.5 + noise()), () => end('ok'))
      clock.advanceSync(1)
    }
    expect(shares(ids).w1).toBeGreaterThan(0.2)
    expect(shares(ids).w1).toBeLessThan(0.3)
  })

  it('refuses options that cannot be, by name', () => {
    expect(() => p2c({ decay: 0 })).toThrow('decay must be a number > 0, got 0')
    expect(() => p2c({ penalty: Number.NaN })).toThrow('penalty must be a number ≥ 1, got NaN')
  })
})
