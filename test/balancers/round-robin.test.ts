import { describe, expect, it } from 'vitest'
import { roundRobin } from '../../src/balancers/round-robin.ts'
import { balancerSuite } from '../../src/testing/index.ts'
import { node, picks, shares } from '../support/nodes.ts'

const a = node('a')
const b = node('b')
const c = node('c')
const d = node('d')

describe('roundRobin', () => {
  for (const { name, run } of balancerSuite({ create: roundRobin })) it(name, run)

  it('takes turns in the order given', () => {
    expect(picks(roundRobin(), [a, b, c], 7)).toEqual(['a', 'b', 'c', 'a', 'b', 'c', 'a'])
  })

  it('skips nobody when the node picked last leaves', () => {
    const balancer = roundRobin()
    picks(balancer, [a, b, c, d], 2)
    expect(picks(balancer, [a, c, d], 3)).toEqual(['c', 'd', 'a'])
  })

  it('skips and repeats nobody when a node before the last one leaves or comes', () => {
    const balancer = roundRobin()
    picks(balancer, [a, b, c, d], 3)
    expect(picks(balancer, [b, c, d], 1)).toEqual(['d'])
    expect(picks(balancer, [b, c, d], 1)).toEqual(['b'])
    expect(picks(balancer, [a, b, c, d], 2)).toEqual(['c', 'd'])
  })

  it('stays even among those that stay while another comes and goes', () => {
    const balancer = roundRobin()
    const got = shares(Array.from({ length: 3000 }, (_, i) => picks(balancer, i % 2 === 0 ? [a, b, c] : [a, b, c, d], 1)).flat())
    expect(got.a).toBeCloseTo(got.b ?? 0, 2)
    expect(got.b).toBeCloseTo(got.c ?? 0, 2)
  })

  it('starts again when the whole set is replaced', () => {
    const balancer = roundRobin()
    picks(balancer, [c, d], 2)
    expect(picks(balancer, [a, b], 3)).toEqual(['a', 'b', 'a'])
  })
})
