import { type BackoffOptions, checkBackoff } from './backoff.ts'
import type { Balancer, Outcome } from './balancer.ts'
import { checkFunctions, checkMade, checkNumber, checkText } from './check.ts'
import { alarm, type Clock, systemClock } from './clock.ts'
import { type Context, chain, type Endpoint, invoke, type Middleware, timeLeft } from './endpoint.ts'
import { type Attempt, type Code, RpcError } from './error.ts'
import { type Filter, filtered } from './filter.ts'
import { type Logger, loggerOf } from './logger.ts'
import type { NodeStatus, PoolNode } from './node.ts'
import { createPool } from './pool.ts'
import type { Resolver } from './registry.ts'
import { onEnd, streamsRequest, streamsResponse, Untouched } from './stream.ts'
import type { Transport } from './transport.ts'

/** What a channel is made of. */
export interface ChannelOptions {
  /** Name under which the instances are registered. */
  readonly service: string
  readonly registry: Resolver
  /** Several where a service's instances speak different protocols: each is dialed by the one whose scheme its record says, else by the first. */
  readonly transport: Transport | readonly Transport[]
  readonly balancer: Balancer
  /** Which instances to use; one after the other. Default: all. */
  readonly filter?: Filter | readonly Filter[] | undefined
  /** Around each attempt at one node; made anew for every node, so that it may keep state for it. The first is outermost. */
  readonly nodeMiddleware?: readonly Middleware[] | undefined
  /** Longest wait for a node that can take the call, in milliseconds. Default: until the call's deadline. 0: fail at once. */
  readonly wait?: number | undefined
  /** Waits between connection attempts to one node. Default: 50 ms × 1.6 up to 5 s, ±20 %. */
  readonly reconnect?: BackoffOptions | undefined
  /** How long calls at an instance that left the registry may go on, in milliseconds. Default 30 000. */
  readonly drain?: number | undefined
  /** Called after every change of the set or of a node's state; once for all that change together. */
  readonly onChange?: ((nodes: readonly NodeStatus[]) => void) | undefined
  readonly clock?: Clock | undefined
  readonly logger?: Logger | undefined
}

/** Resolver, balancer and transport joined into one endpoint for all methods of a service. */
export interface Channel {
  readonly service: string
  /** Sends a call to a node. A call that its node certainly did not begin to process goes to another at once. */
  readonly call: Endpoint
  /** The instances known now and how they are doing. */
  readonly nodes: readonly NodeStatus[]
  /** Ends the watch and the connections; calls under way may go on for `drain`. Idempotent. */
  close(): Promise<void>
}

/** Codes that speak against the node; the others are the application's answer. */
const failures: ReadonlySet<Code> = new Set<Code>([
  'unavailable',
  'deadline_exceeded',
  'resource_exhausted',
  'internal',
  'unknown',
  'data_loss',
])

/** How often one call is sent on after nodes that did not process it, before its error is given to the caller. */
const resends = 16

/** Joins a resolver, a balancer and a transport. Begins to watch and to connect at once. */
export function createChannel(options: ChannelOptions): Channel {
  const { service, balancer, filter = [], clock = systemClock } = options
  const named = `channel to "${service}"`
  checkText('channel: service', service ?? '')
  checkMade(`${named}: registry`, options.registry, 'watch', 'etcd()')
  checkMade(`${named}: balancer`, balancer, 'pick', 'p2c()')
  const filters = [filter].flat()
  checkFunctions(`${named}: filter`, filters)
  checkFunctions(`${named}: nodeMiddleware`, options.nodeMiddleware)
  const registry = filtered(options.registry, filters)
  const transports = [options.transport].flat()
  if (transports.length === 0) throw new RpcError('invalid_argument', `${named}: transport must not be empty`)
  for (const transport of transports) checkMade(`${named}: transport`, transport, 'dial', 'grpc()')
  if (options.wait !== undefined && options.wait !== Number.POSITIVE_INFINITY) checkNumber(`${named}: wait (ms)`, options.wait, { min: 0 })
  const pool = createPool({
    service,
    resolver: registry,
    transports,
    balancer,
    nodeMiddleware: chain(...(options.nodeMiddleware ?? [])),
    reconnect: checkBackoff(`${named}: reconnect`, { base: 50, max: 5000, ...options.reconnect }),
    drain: checkNumber(`${named}: drain (ms)`, options.drain ?? 30_000, { min: 0 }),
    clock,
    logger: loggerOf(options.logger),
    onChange: options.onChange,
  })
  let closed = false

  function call(request: unknown, context: Context): Promise<unknown> {
    return send(streamsRequest(context.method.kind) ? new Untouched(request as AsyncIterable<unknown>) : request, context, undefined)
  }

  function send(request: unknown, context: Context, before: readonly Attempt[] | undefined): Promise<unknown> {
    const ready = pool.ready
    if (ready.length === 0) return waitForNode(context, before).then(() => send(request, context, before))
    const node = pick(ready, context, before)
    context.instance = node.instance
    const end = node.measure.start(streamsResponse(context.method.kind))
    return invoke(node.endpoint, request, context).then(
      (response) => {
        // How long a stream lasted says nothing about the node.
        if (streamsResponse(context.method.kind)) return onEnd(response as AsyncIterable<unknown>, () => end('canceled'))
        end('ok')
        return response
      },
      (thrown: unknown) => {
        const error = RpcError.from(thrown)
        end(outcomeOf(error))
        if (!error.unprocessed || closed || (request instanceof Untouched && request.touched))
          throw before === undefined ? error : withAttempts(error, node, before)
        const attempts = [...(before ?? []), attemptAt(node, error)]
        if (attempts.length > resends || context.signal?.aborted || timeLeft(context) === 0) throw withAttempts(error, node, before ?? [])
        return send(request, context, attempts)
      },
    )
  }

  function pick(ready: readonly PoolNode[], context: Context, before: readonly Attempt[] | undefined): PoolNode {
    if (ready.length === 1 || (before === undefined && context.tried === undefined)) return balancer.pick(ready, context)
    const avoid = new Set([...(context.tried ?? []), ...(before ?? []).map((attempt) => attempt.instance)])
    const fresh = ready.filter((node) => !avoid.has(node.instance.id))
    return balancer.pick(fresh.length > 0 ? fresh : ready, context)
  }

  function waitForNode(context: Context, before: readonly Attempt[] | undefined): Promise<void> {
    if (closed) return Promise.reject(new RpcError('canceled', `channel to "${service}" is closed`, { outbound: true, unprocessed: true }))
    return new Promise((resolve, reject) => {
      const longest = Math.min(timeLeft(context), options.wait ?? Number.POSITIVE_INFINITY)
      const ready = pool.onReady(() => {
        callOff()
        resolve()
      })
      // Unlike other timers this one keeps the process alive, deadline or not: somebody waits for the call.
      const waiting = { signal: context.signal, keepAlive: context.background !== true }
      const callOff = alarm(systemClock, longest, waiting, (reason) => {
        ready()
        reject(reason === undefined ? nothingReady(before ?? []) : canceled(reason))
      })
    })
  }

  function nothingReady(attempts: readonly Attempt[]): RpcError {
    const { nodes, trouble } = pool
    const because = trouble === undefined ? '' : `; ${trouble instanceof RpcError ? trouble.rawMessage : trouble.message}`
    const text = nodes.length === 0 ? `no instances of "${service}" in ${registry.name}` : `${unreachable(nodes)} (${addressesOf(nodes)})`
    return new RpcError('unavailable', `${text}${because}`, {
      outbound: true,
      unprocessed: true,
      attempts,
      ...(trouble && { cause: trouble }),
    })
  }

  function unreachable({ length }: readonly NodeStatus[]): string {
    const where = `"${service}" in ${registry.name}`
    return length === 1 ? `the only instance of ${where} cannot be reached` : `none of the ${length} instances of ${where} can be reached`
  }

  return {
    service,
    call,
    get nodes() {
      return pool.nodes
    },
    async close() {
      closed = true
      await pool.close()
    },
  }
}

/** As many as one can make use of. */
function addressesOf(nodes: readonly NodeStatus[]): string {
  const some = nodes.slice(0, 8).map((node) => node.instance.address)
  return [...some, ...(nodes.length > some.length ? ['…'] : [])].join(', ')
}

function canceled({ code, rawMessage, cause }: RpcError): RpcError {
  return new RpcError(code, rawMessage, { cause, outbound: true })
}

function outcomeOf(error: RpcError): Outcome {
  if (error.code === 'canceled') return 'canceled'
  return failures.has(error.code) ? 'failed' : 'ok'
}

function attemptAt({ instance }: PoolNode, error: RpcError): Attempt {
  return { instance: instance.id, address: instance.address, error }
}

function withAttempts(error: RpcError, node: PoolNode, before: readonly Attempt[]): RpcError {
  const { code, rawMessage, details, metadata, unprocessed, cause } = error
  return new RpcError(code, rawMessage, {
    cause,
    details,
    metadata,
    unprocessed,
    outbound: true,
    attempts: [...before, attemptAt(node, error)],
  })
}
