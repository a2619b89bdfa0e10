import type { Context } from './endpoint.ts'
import type { Instance } from './registry.ts'

/** An instance that can take a call now, and how loaded it is. */
export interface Node {
  readonly instance: Instance
  /** In the unit of the balancer's {@link Load}; only comparable among nodes of one channel. Read it once per pick: it is computed. */
  readonly load: number
}

/** Chooses among nodes that can take a call. Never called as a probe: every pick is followed by a call. */
export interface Balancer {
  /** `nodes` is never empty. */
  pick<N extends Node>(nodes: readonly N[], context: Context): N
  /** Makes the measure of one node; without it every load is 0. */
  readonly measure?: (() => Load) | undefined
}

/** How an attempt ended. `canceled` says nothing about the node. */
export type Outcome = 'ok' | 'failed' | 'canceled'

/** The measure of one node, kept as long as the instance stays. */
export interface Load {
  readonly value: number
  /**
   * Counts an attempt as begun; the returned function ends it and must be called exactly once. A `lasting` one is answered with a
   * stream: that it goes on says nothing about the node.
   */
  start(lasting?: boolean): (outcome: Outcome) => void
}
