import type { Balancer, Node } from '../balancer.ts'

/**
 * One node after the other, in the order they are given in, which is by instance id. It goes on from the id it picked last,
 * so that a node that comes or goes makes it skip or repeat no other. Weights are ignored.
 */
export function roundRobin(): Balancer {
  let index = -1
  let last = ''
  return {
    pick<N extends Node>(nodes: readonly N[]): N {
      index = nodes[index]?.instance.id === last ? index + 1 : firstAfter(nodes, last)
      if (index >= nodes.length) index = 0
      const node = nodes[index] as N
      last = node.instance.id
      return node
    },
  }
}

function firstAfter(nodes: readonly Node[], id: string): number {
  for (let i = 0; i < nodes.length; i++) if ((nodes[i] as Node).instance.id > id) return i
  return 0
}
