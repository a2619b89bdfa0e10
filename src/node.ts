import { type Backoff, type BackoffOptions, backoff } from './backoff.ts'
import type { Balancer, Load, Node } from './balancer.ts'
import type { Clock } from './clock.ts'
import type { Endpoint, Middleware } from './endpoint.ts'
import { RpcError } from './error.ts'
import type { Logger } from './logger.ts'
import type { Instance } from './registry.ts'
import type { Connection, Transport } from './transport.ts'

/** An instance as a channel knows it. `ready` nodes are in the pick. */
export interface NodeStatus {
  readonly instance: Instance
  /** `broken`: its connection was lost or could not be made, and is made anew after a growing wait. */
  readonly state: 'connecting' | 'ready' | 'broken'
  /** In the unit of the balancer's `Load`; 0 where it measures nothing. */
  readonly load: number
}

/** A node that calls can be sent to. */
export interface PoolNode extends Node {
  readonly state: NodeStatus['state']
  readonly measure: Load
  readonly endpoint: Endpoint
}

/** A node with the connection that it keeps. */
export interface OpenNode extends PoolNode {
  /** To be replaced where its record changes, but for the address. */
  instance: Instance
  /** Begins to connect, and connects again for as long as it is open. */
  open(): void
  /** Calls under way may go on for `drain`. */
  close(): Promise<void>
}

/** What a node is made of. */
export interface OpenNodeOptions {
  readonly transportFor: (instance: Instance) => Transport
  readonly balancer: Balancer
  readonly nodeMiddleware: Middleware
  /** Waits between connection attempts. */
  readonly reconnect: BackoffOptions
  /** How long calls may go on after the end, in milliseconds. */
  readonly drain: number
  readonly clock: Clock
  readonly logger: Logger
  /** Called when the node's state has changed. */
  readonly entered: (node: OpenNode) => void
  /** Called when a connection was lost or could not be made. */
  readonly failed: (cause: Error) => void
}

const unmeasured: Load = { value: 0, start: () => () => {} }

/** A connection must have lived this long for the next one to be tried without a growing wait, and at once where the peer sends it away. In milliseconds. */
const settled = 1000

/** A node that is yet to be opened. Its load is kept for as long as it is the same node, whatever becomes of its connections. */
export function createNode(first: Instance, options: OpenNodeOptions): OpenNode {
  const { balancer, clock, logger } = options
  const measure = balancer.measure?.() ?? unmeasured
  const wait: Backoff = backoff(options.reconnect)
  const connections = new Set<Connection>()
  let connection: Connection | undefined
  let callOff: (() => void) | undefined
  let since = 0
  let gone = false

  const node: OpenNode & { state: NodeStatus['state'] } = {
    instance: first,
    state: 'connecting',
    measure,
    get load() {
      return measure.value
    },
    endpoint: options.nodeMiddleware((request, context) => connection?.call(request, context) ?? Promise.reject(broken())) as Endpoint,
    open() {
      if (connection === undefined && callOff === undefined) dial()
    },
    async close() {
      gone = true
      callOff?.()
      await Promise.all([...connections].map((one) => one.close({ drain: options.drain })))
    },
  }

  /** For a call that its middleware had wait until the connection was no more. */
  function broken(): RpcError {
    const text = `${node.instance.address} has no connection any more`
    return new RpcError('unavailable', text, { outbound: true, unprocessed: true })
  }

  function dial(): void {
    callOff = undefined
    try {
      const made = options.transportFor(node.instance).dial(node.instance.address, {
        onState(state, cause) {
          if (state === 'closed') connections.delete(made)
          if (gone || connection !== made) return
          if (state === 'ready') {
            since = clock.now()
            enter('ready')
          } else if (state === 'draining' && hasSettled()) {
            // Its calls finish on it; the next ones need another.
            enter('connecting')
            dial()
          } else lost(cause)
        },
      })
      connection = made
      connections.add(made)
    } catch (error) {
      lost(error as RpcError)
    }
  }

  function hasSettled(): boolean {
    return node.state === 'ready' && clock.now() - since > settled
  }

  function lost(cause: RpcError | undefined): void {
    connection = undefined
    if (hasSettled()) wait.reset()
    if (cause !== undefined) options.failed(cause)
    enter('broken', cause)
    callOff ??= clock.after(wait.next(), dial)
  }

  function enter(state: NodeStatus['state'], cause?: RpcError): void {
    if (node.state === state) return
    const { service, id, address } = node.instance
    logger.debug({ service, instance: id, address, state, cause: cause?.message }, 'node changed')
    node.state = state
    options.entered(node)
  }

  return node
}
