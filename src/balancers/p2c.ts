import type { Balancer, Node } from '../balancer.ts'
import { type PeakEwmaOptions, peakEwma } from '../load/peak-ewma.ts'

/** What {@link p2c} can be told; the rest is the load's. */
export interface P2cOptions extends PeakEwmaOptions {
  /** Uniform in [0, 1). Default `Math.random`. */
  readonly random?: (() => number) | undefined
}

/**
 * Power of two choices: draws two nodes and picks the less loaded, by {@link peakEwma}. It comes close to always picking the best,
 * at the cost of two reads, and unlike that it does not send everybody to the same node (Mitzenmacher, "The Power of Two Choices in
 * Randomized Load Balancing", 2001). Of two nodes with different weights one is drawn by weight, unless their loads differ by more than
 * their weights do. Throws `invalid_argument` as {@link peakEwma} does.
 */
export function p2c(options: P2cOptions = {}): Balancer {
  const { random = Math.random, ...load } = options
  peakEwma(load) // so that a bad option is refused here, not with the first node
  return {
    pick<N extends Node>(nodes: readonly N[]): N {
      const count = nodes.length
      if (count === 1) return nodes[0] as N
      const i = Math.floor(random() * count)
      // The second is drawn among the others, so that it is never the first again.
      const j = Math.floor(random() * (count - 1))
      return better(nodes[i] as N, nodes[j < i ? j : j + 1] as N, random)
    },
    measure: () => peakEwma(load),
  }
}

function better<N extends Node>(one: N, other: N, random: () => number): N {
  const load = one.load
  const otherLoad = other.load
  const weight = one.instance.weight ?? 1
  const otherWeight = other.instance.weight ?? 1
  if (weight === otherWeight) return load <= otherLoad ? one : other
  // To divide each load by its weight would be simpler, but of idle nodes the lightest would never get a call.
  const ratio = weight > otherWeight ? weight / otherWeight : otherWeight / weight
  if (load * ratio < otherLoad) return one
  if (otherLoad * ratio < load) return other
  return random() * (weight + otherWeight) < weight ? one : other
}
