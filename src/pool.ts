import { differences, type Instances, nobody } from './instances.ts'
import { createNode, type NodeStatus, type OpenNode, type OpenNodeOptions, type PoolNode } from './node.ts'
import { createReady } from './ready.ts'
import type { Instance, Resolver } from './registry.ts'
import type { Transport } from './transport.ts'

/** The nodes of one service: one connection each, whose state decides whether a node is in the pick. */
export interface Pool {
  /** What can take a call now, ordered by instance id. A new array after every change. */
  readonly ready: readonly PoolNode[]
  /** Ordered by instance id. A new array on each reading. */
  readonly nodes: readonly PoolNode[]
  /** Why there may be nothing ready: the last failure of the registry or of a connection. */
  readonly trouble: Error | undefined
  /** Calls back once, when something becomes ready; returns how to call it off. */
  onReady(callback: () => void): () => void
  close(): Promise<void>
}

/** What a pool is made of. */
export interface PoolOptions extends Omit<OpenNodeOptions, 'transportFor' | 'entered' | 'failed'> {
  readonly service: string
  readonly resolver: Resolver
  /** At least one. */
  readonly transports: readonly Transport[]
  /** Called after changes of the set or of a node's state, with all nodes ordered by id. */
  readonly onChange: ((nodes: readonly NodeStatus[]) => void) | undefined
}

/** So many connections are begun in a turn of the event loop: it takes a while to begin one, and calls need not wait for ten thousand. */
const dialsPerTurn = 32

/** Follows the set of a service's instances and keeps a connection to each. */
export function createPool(options: PoolOptions): Pool {
  const { service, resolver, transports } = options
  const nodes = new Map<string, OpenNode>()
  const ready = createReady<PoolNode>()
  const waiting = new Set<() => void>()
  let unopened: readonly OpenNode[] = []
  let known = nobody
  let trouble: Error | undefined
  let closed = false
  let telling = false

  /** Listing all nodes for every one that connects would make a fleet's start quadratic. */
  function changed(): void {
    if (options.onChange === undefined || telling) return
    telling = true
    queueMicrotask(() => {
      telling = false
      try {
        if (!closed) options.onChange?.(list())
      } catch (error) {
        options.logger.error({ service, err: error }, `onChange of the channel to "${service}" threw`)
      }
    })
  }

  function list(): readonly OpenNode[] {
    return known.map(({ id }) => nodes.get(id) as OpenNode)
  }

  function update(all: Instances): void {
    if (closed) return
    const [added, gone]: [OpenNode[], OpenNode[]] = [[], []]
    for (const { before, after } of differences(known, all)) {
      const node = before && nodes.get(before.id)
      if (node !== undefined && node.instance.address === after?.address && transportFor(node.instance) === transportFor(after)) {
        node.instance = after
        continue
      }
      if (node !== undefined) {
        nodes.delete(node.instance.id)
        ready.remove(node)
        gone.push(node)
      }
      if (after !== undefined) {
        const made = openNode(after)
        nodes.set(after.id, made)
        added.push(made)
      }
    }
    known = all
    for (const node of gone) void node.close()
    const opening = unopened.length > 0
    unopened = [...unopened, ...fromSomewhere(added)]
    if (!opening) open()
    changed()
  }

  /** Callers of a large fleet are not all to begin with the same instances. */
  function fromSomewhere(all: readonly OpenNode[]): readonly OpenNode[] {
    if (all.length <= dialsPerTurn) return all
    const first = Math.floor((options.reconnect.random ?? Math.random)() * all.length)
    return [...all.slice(first), ...all.slice(0, first)]
  }

  function open(): void {
    const some = unopened.slice(0, dialsPerTurn)
    unopened = unopened.slice(dialsPerTurn)
    for (const node of some) if (nodes.get(node.instance.id) === node) node.open()
    if (unopened.length > 0) setImmediate(open)
  }

  /** What speaks the protocol that an instance's record says; older go-micro's by the name of its server or transport. Or else its address's scheme. */
  function transportFor({ address, metadata }: Instance): Transport {
    const speaking = (scheme: string | undefined): Transport | undefined => transports.find((one) => one.scheme === scheme)
    const { protocol, server, transport } = metadata ?? {}
    return speaking(protocol ?? server ?? transport) ?? speaking(/^([a-z]+):\/\//.exec(address)?.[1]) ?? (transports[0] as Transport)
  }

  const openNode = (instance: Instance): OpenNode =>
    createNode(instance, {
      ...options,
      transportFor,
      entered(node) {
        if (nodes.get(node.instance.id) !== node) return
        if (node.state === 'ready') {
          ready.add(node)
          wake()
        } else ready.remove(node)
        changed()
      },
      failed(cause) {
        trouble = cause
      },
    })

  function wake(): void {
    const callbacks = [...waiting]
    waiting.clear()
    for (const callback of callbacks) callback()
  }

  const stop = resolver.watch(service, {
    update,
    error(error) {
      trouble = error
    },
  })

  return {
    get ready() {
      return ready.nodes
    },
    get nodes() {
      return list()
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
      const open = list()
      known = nobody
      nodes.clear()
      for (const node of open) ready.remove(node)
      wake()
      await Promise.all(open.map((node) => node.close()))
    },
  }
}
