import assert from 'node:assert/strict'
import type { Balancer, Load, Node } from '../balancer.ts'
import { unary } from '../codecs/json.ts'
import type { Context } from '../endpoint.ts'
import { Headers } from '../headers.ts'
import { defineService } from '../service.ts'
import type { Case } from './case.ts'

/** What {@link balancerSuite} tests. */
export interface BalancerSuiteOptions {
  /** Makes a new balancer for every case. */
  create(): Balancer
}

const { ping } = defineService('beckon.testing.Balanced', { ping: unary<object, object>() }).methods
const context: Context = { method: ping, headers: new Headers() }

/** What every balancer has to keep to, whatever it prefers. */
export function balancerSuite(options: BalancerSuiteOptions): readonly Case[] {
  const run = (name: string, body: (balancer: Balancer) => void): Case => ({ name, run: async () => body(options.create()) })
  return [
    run('picks the only node there is', (balancer) => {
      const only = nodesFor(balancer, 1)
      for (let i = 0; i < 10; i++) assert.equal(call(balancer, only), 'n0')
    }),
    run('picks only among the nodes given', (balancer) => {
      const nodes = nodesFor(balancer, 5)
      for (let i = 0; i < 200; i++) {
        const some = nodes.filter((_, index) => (i >> index) % 2 === 0)
        if (some.length > 0) assert.ok(some.includes(balancer.pick(some, context)), 'picked a node that was not given')
      }
    }),
    run('gives every node its share in time', (balancer) => {
      const nodes = nodesFor(balancer, 4)
      const counts = new Map<string, number>()
      for (let i = 0; i < 2000; i++) count(counts, call(balancer, nodes))
      for (const { instance } of nodes)
        assert.ok((counts.get(instance.id) ?? 0) > 100, `${instance.id}: ${counts.get(instance.id) ?? 0} of 2000 calls`)
    }),
    run('does not mind nodes that come and go', (balancer) => {
      const nodes = nodesFor(balancer, 6)
      const seen = new Map<string, number>()
      for (let size = 1; size <= 6; size++) for (let i = 0; i < 300; i++) count(seen, call(balancer, nodes.slice(0, size)))
      assert.equal(seen.size, 6, `calls went to ${[...seen.keys()].join(', ')}`)
      for (let i = 0; i < 50; i++) assert.notEqual(call(balancer, nodes.slice(1)), 'n0')
    }),
    run('leaves the nodes as they are', (balancer) => {
      const nodes = Object.freeze(nodesFor(balancer, 3))
      const before = nodes.map(({ instance }) => instance.id)
      for (let i = 0; i < 20; i++) balancer.pick(nodes, context)
      assert.deepEqual(
        nodes.map(({ instance }) => instance.id),
        before,
      )
    }),
    run('measures every node by itself, if it measures', (balancer) => {
      if (balancer.measure === undefined) return
      const [one, other] = [balancer.measure(), balancer.measure()]
      assert.equal(one.value, 0, 'a new node has no load')
      const end = one.start()
      assert.ok(one.value > 0, 'a call in flight is load')
      assert.equal(other.value, 0, 'another node has none of it')
      end('canceled')
      assert.equal(one.value, 0, 'a canceled call leaves no trace on a new node')
    }),
  ]
}

interface MeasuredNode extends Node {
  readonly measure: Load | undefined
}

function nodesFor(balancer: Balancer, count: number): readonly MeasuredNode[] {
  return Array.from({ length: count }, (_, i) => {
    const measure = balancer.measure?.()
    return {
      instance: { id: `n${i}`, service: 'balanced', address: `10.0.0.${i + 1}:80` },
      measure,
      get load() {
        return measure?.value ?? 0
      },
    }
  })
}

function call(balancer: Balancer, nodes: readonly MeasuredNode[]): string {
  const node = balancer.pick(nodes, context)
  assert.ok(nodes.includes(node), 'picked a node that was not given')
  // So that no node gets a history: the time that passes here is chance.
  node.measure?.start()('canceled')
  return node.instance.id
}

function count(counts: Map<string, number>, id: string): void {
  counts.set(id, (counts.get(id) ?? 0) + 1)
}
