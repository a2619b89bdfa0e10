import { describe, expect, it } from 'vitest'
import { random } from '../../src/balancers/random.ts'
import { balancerSuite } from '../../src/testing/index.ts'
import { seeded } from '../support/context.ts'
import { node, picks, shares } from '../support/nodes.ts'

describe('random', () => {
  for (const { name, run } of balancerSuite({ create: () => random({ random: seeded(1) }) })) it(name, run)

  it('picks by the number it draws', () => {
    const draws = [0, 0.34, 0.67, 0.999999]
    const balancer = random({ random: () => draws.shift() ?? 0 })
    expect(picks(balancer, [node('a'), node('b'), node('c')], 4)).toEqual(['a', 'b', 'c', 'c'])
  })

  it('gives equal shares to equal nodes', () => {
    const got = shares(picks(random({ random: seeded(2) }), [node('a'), node('b'), node('c'), node('d')], 20_000))
    for (const id of ['a', 'b', 'c', 'd']) expect(got[id]).toBeCloseTo(0.25, 1)
  })

  it('gives shares by weight', () => {
    const nodes = [node('light', 0, { weight: 1 }), node('heavy', 0, { weight: 8 }), node('plain')]
    const got = shares(picks(random({ random: seeded(3) }), nodes, 20_000))
    expect(got.light).toBeCloseTo(0.1, 1)
    expect(got.heavy).toBeCloseTo(0.8, 1)
    expect(got.plain).toBeCloseTo(0.1, 1)
  })
})
