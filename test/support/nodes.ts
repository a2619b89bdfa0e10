import type { Balancer, Load, Node } from '../../src/balancer.ts'
import type { Instance } from '../../src/registry.ts'
import { contextOf } from './context.ts'

/** A node whose load is set by hand. */
export interface TestNode extends Node {
  load: number
}

export function node(id: string, load = 0, extra: Partial<Instance> = {}): TestNode {
  return { instance: { id, service: 'test', address: '10.0.0.1:80', ...extra }, load }
}

export function picks(balancer: Balancer, nodes: readonly Node[], count: number): string[] {
  return Array.from({ length: count }, () => balancer.pick(nodes, contextOf()).instance.id)
}

/** Share of the picks that went to each node. */
export function shares(ids: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const id of ids) counts[id] = (counts[id] ?? 0) + 1 / ids.length
  return counts
}

/** A node that is measured as its balancer asks. */
export function measured(id: string, measure: Load): Node & { readonly measure: Load } {
  return {
    instance: { id, service: 'test', address: '10.0.0.1:80' },
    measure,
    get load() {
      return measure.value
    },
  }
}
