import type { Balancer, Node } from '../balancer.ts'

/** What {@link random} can be told. */
export interface RandomOptions {
  /** Uniform in [0, 1). Default `Math.random`. */
  readonly random?: (() => number) | undefined
}

/** Any node, with a probability in proportion to its weight. */
export function random(options: RandomOptions = {}): Balancer {
  const { random: draw = Math.random } = options
  return {
    pick<N extends Node>(nodes: readonly N[]): N {
      let left = draw() * totalWeight(nodes)
      let i = 0
      while (i < nodes.length - 1) {
        left -= weightOf(nodes[i] as N)
        if (left < 0) break
        i++
      }
      return nodes[i] as N
    },
  }
}

function totalWeight(nodes: readonly Node[]): number {
  let total = 0
  for (let i = 0; i < nodes.length; i++) total += weightOf(nodes[i] as Node)
  return total
}

function weightOf(node: Node): number {
  return node.instance.weight ?? 1
}
