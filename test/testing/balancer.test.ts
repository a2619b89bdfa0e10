import { describe, expect, it } from 'vitest'
import type { Balancer, Load, Node } from '../../src/balancer.ts'
import { p2c } from '../../src/balancers/p2c.ts'
import { balancerSuite } from '../../src/testing/index.ts'

async function failures(create: () => Balancer): Promise<string[]> {
  const failed: string[] = []
  for (const { name, run } of balancerSuite({ create })) await run().catch(() => failed.push(name))
  return failed
}

/** A balancer that is wrong in one way each. */
const wrong: Record<string, { create: () => Balancer; fails: string }> = {
  'always picks the first': {
    create: () => ({ pick: <N extends Node>(nodes: readonly N[]) => nodes[0] as N }),
    fails: 'gives every node its share in time',
  },
  'remembers nodes it was given before': {
    create: () => {
      const known: Node[] = []
      return {
        pick<N extends Node>(nodes: readonly N[]): N {
          for (const node of nodes) if (!known.includes(node)) known.push(node)
          return known[Math.floor(Math.random() * known.length)] as N
        },
      }
    },
    fails: 'picks only among the nodes given',
  },
  'picks nothing': { create: () => ({ pick: () => undefined as never }), fails: 'picks the only node there is' },
  'sorts what it was given': {
    create: () => ({
      pick<N extends Node>(nodes: readonly N[]): N {
        return (nodes as N[]).sort(() => Math.random() - 0.5)[0] as N
      },
    }),
    fails: 'leaves the nodes as they are',
  },
  'shares one measure among nodes': {
    create: () => {
      const balancer = p2c()
      const one = balancer.measure?.() as Load
      return { ...balancer, measure: () => one }
    },
    fails: 'measures every node by itself, if it measures',
  },
}

describe('balancerSuite', () => {
  it.each(Object.entries(wrong))('notices a balancer that %s', async (_, { create, fails }) => {
    expect(await failures(create)).toContain(fails)
  })
})
