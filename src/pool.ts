import { type Backoff, type BackoffOptions, backoff } from './backoff.ts'
import type { Balancer, Load, Node } from './balancer.ts'
import type { Clock } from './clock.ts'
import type { Endpoint, Middleware } from './endpoint.ts'
import type { RpcError } from './error.ts'
import type { Logger } from './logger.ts'
import type { Instance, Resolver } from './registry.ts'
import type { Connection, Transport } from './transport.ts'

/** An instance as a channel knows it. `ready` nodes are in the pick. */
export interface NodeStatus {
  readonly instance: Instance
  readonly state: 'connecting' | 'ready' | 'broken'
  readonly load: number
}

/** A node that calls can be sent to. */
export interface PoolNode extends Node {
  readonly state: NodeStatus['state']
  readonly measure: Load
  readonly endpoint: Endpoint
}

/** The nodes of one service: one connection each, whose state decides whether a node is in the pick. */
export interface Pool {
  /** What can take a call now, ordered by instance id. A new array after every change. */
  readonly ready: readonly PoolNode[]
  readonly nodes: readonly PoolNode[]
  /** Why there may be nothing ready: the last failure of the registry or of a connection. */
  readonly trouble: Error | undefined
  /** Calls back once, when something becomes ready; returns how to call it off. */
  onReady(callback: () => void): () => void
  close(): Promise<void>
}

/** What a pool is made of. */
export interface PoolOptions {
  readonly service: string
  readonly resolver: Resolver
  /** At least one. */
  readonly transports: readonly Transport[]
  readonly balancer: Balancer
  readonly nodeMiddleware: Middleware
  readonly reconnect: BackoffOptions
  readonly drain: number
  readonly clock: Clock
  readonly logger: Logger
  readonly onChange: (nodes: readonly NodeStatus[]) => void
}

const unmeasured: Load = { value: 0, start: () => () => {} }

/** A connection must have lived this long for the next one to be tried without a growing wait. */
const settled = 1000

/** Follows the set of a service's instances and keeps a connection to each. */
export function createPool(options: PoolOptions): Pool {
  const { service, resolver, transports, balancer, clock, logger } = options
  const nodes = new Map<string, OpenNode>()
  const waiting = new Set<() => void>()
  let ready: readonly PoolNode[] = []
  let trouble: Error | undefined
  let closed = false

  function changed(): void {
    ready = [...nodes.values()].filter((node) => node.state === 'ready')
    if (ready.length > 0) {
      const callbacks = [...waiting]
      waiting.clear()
      for (const callback of callbacks) callback()
    }
    options.onChange([...nodes.values()])
  }

  function update(all: readonly Instance[]): void {
    if (closed) return
    const kept = new Map<string, OpenNode>()
    for (const instance of all) {
      const known = nodes.get(instance.id)
      if (known?.instance.address === instance.address && transportFor(known.instance) === transportFor(instance)) {
        known.instance = instance
        kept.set(instance.id, known)
      } else {
        kept.set(instance.id, openNode(instance))
      }
    }
    for (const [id, node] of nodes) if (kept.get(id) !== node) void node.close()
    nodes.clear()
    for (const [id, node] of kept) nodes.set(id, node)
    for (const node of kept.values()) node.open()
    changed()
  }

  /** What speaks the protocol that an instance's record says, or else its address's scheme. */
  function transportFor({ address, metadata }: Instance): Transport {
    const speaking = (scheme: string | undefined): Transport | undefined => transports.find((one) => one.scheme === scheme)
    return speaking(metadata?.protocol) ?? speaking(/^([a-z]+):\/\//.exec(address)?.[1]) ?? (transports[0] as Transport)
  }

  interface OpenNode extends PoolNode {
    instance: Instance
    open(): void
    close(): Promise<void>
  }

  function openNode(first: Instance): OpenNode {
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
      endpoint: options.nodeMiddleware((request, context) => (connection as Connection).call(request, context)) as Endpoint,
      open() {
        if (connection === undefined && callOff === undefined) dial()
      },
      async close() {
        gone = true
        callOff?.()
        await Promise.all([...connections].map((one) => one.close({ drain: options.drain })))
      },
    }

    function dial(): void {
      callOff = undefined
      try {
        const made = transportFor(node.instance).dial(node.instance.address, {
          onState(state, cause) {
            if (state === 'closed') connections.delete(made)
            if (gone || connection !== made) return
            if (state === 'ready') {
              since = clock.now()
              enter('ready')
            } else if (state === 'draining') {
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

    function lost(cause: RpcError | undefined): void {
      connection = undefined
      if (node.state === 'ready' && clock.now() - since > settled) wait.reset()
      trouble = cause ?? trouble
      enter('broken', cause)
      callOff ??= clock.after(wait.next(), dial)
    }

    function enter(state: NodeStatus['state'], cause?: RpcError): void {
      if (node.state === state) return
      logger.debug({ service, instance: node.instance.id, address: node.instance.address, state, cause: cause?.message }, 'node changed')
      node.state = state
      if (nodes.get(node.instance.id) === node) changed()
    }

    return node
  }

  const stop = resolver.watch(service, {
    update,
    error(error) {
      trouble = error
    },
  })

  return {
    get ready() {
      return ready
    },
    get nodes() {
      return [...nodes.values()]
    },
    get trouble() {
      return trouble
    },
    onReady(callback) {
      waiting.add(callback)
      return () => waiting.delete(callback)
    },
    async close() {
      closed = true
      stop()
      const open = [...nodes.values()]
      nodes.clear()
      ready = []
      for (const callback of waiting) callback()
      waiting.clear()
      await Promise.all(open.map((node) => node.close()))
    },
  }
}
