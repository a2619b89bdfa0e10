import type { Node } from './balancer.ts'

/** The nodes that can take a call. */
export interface Ready<N extends Node> {
  /** Ordered by instance id. Made when it is asked for: any number of changes in between cost one new array. */
  readonly nodes: readonly N[]
  add(node: N): void
  remove(node: N): void
}

/** More changes than this are sorted in, fewer are put in their places. */
const few = 16

/** Nobody is ready at first. */
export function createReady<N extends Node>(): Ready<N> {
  /** Whether a node is to be among them, where it is otherwise in those made last. */
  const changes = new Map<N, boolean>()
  let nodes: readonly N[] = []

  function renew(): void {
    const added = [...changes.keys()].filter((node) => changes.get(node))
    if (changes.size > few) nodes = [...nodes.filter((node) => !changes.has(node)), ...added].sort(byId)
    else {
      // Copying all and moving some is much quicker than looking at each.
      const next = nodes.slice()
      for (const node of changes.keys()) {
        const at = placeOf(next, node)
        if (next[at] === node) next.splice(at, 1)
      }
      for (const node of added) next.splice(placeOf(next, node), 0, node)
      nodes = next
    }
    changes.clear()
  }

  function change(node: N, ready: boolean): void {
    if ((nodes[placeOf(nodes, node)] === node) === ready) changes.delete(node)
    else changes.set(node, ready)
  }

  return {
    get nodes() {
      if (changes.size > 0) renew()
      return nodes
    },
    add: (node) => change(node, true),
    remove: (node) => change(node, false),
  }
}

/** Where the first is that does not come before it. */
function placeOf(nodes: readonly Node[], node: Node): number {
  let low = 0
  let high = nodes.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (byId(nodes[middle] as Node, node) < 0) low = middle + 1
    else high = middle
  }
  return low
}

function byId({ instance: a }: Node, { instance: b }: Node): number {
  return a.id < b.id ? -1 : a.id > b.id ? 1 : 0
}
