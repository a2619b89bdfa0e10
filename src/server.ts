import { randomUUID } from 'node:crypto'
import { advertised, canBeCalled } from './advertised.ts'
import { checkFunctions, checkMade, checkNumber, checkText } from './check.ts'
import { type Context, chain, type Endpoint, type Middleware } from './endpoint.ts'
import { RpcError } from './error.ts'
import { type Logger, loggerOf } from './logger.ts'
import type { Instance, Registrar, Registration } from './registry.ts'
import type { Method, MethodShape, Service, ShapeOf } from './service.ts'
import { onSignal } from './signals.ts'
import type { ServerState, ServerView, StandardService } from './standard.ts'
import { streamsResponse } from './stream.ts'
import type { Listener, Route, Transport } from './transport.ts'

/**
 * A method as a server implements it. Response streams are async generators, or any other async iterables. Headers go out as soon as a
 * stream waits for its first message; a handler that has to wait before it knows them returns a promise of its stream.
 */
export type Handler<S extends MethodShape> = S['kind'] extends 'unary'
  ? (request: S['received'], context: Context) => S['reply'] | Promise<S['reply']>
  : S['kind'] extends 'clientStream'
    ? (requests: AsyncIterable<S['received']>, context: Context) => S['reply'] | Promise<S['reply']>
    : S['kind'] extends 'serverStream'
      ? (request: S['received'], context: Context) => AsyncIterable<S['reply']> | Promise<AsyncIterable<S['reply']>>
      : (requests: AsyncIterable<S['received']>, context: Context) => AsyncIterable<S['reply']> | Promise<AsyncIterable<S['reply']>>

/** A handler per method of a contract. */
export type Handlers<C> = { readonly [K in keyof ShapeOf<C>]: ShapeOf<C>[K] extends MethodShape ? Handler<ShapeOf<C>[K]> : never }

/** What a server is made of. */
export interface ServerOptions {
  /** Name under which instances are registered. */
  readonly name: string
  readonly transport: Transport
  /** Where to register. Without one the server only listens. */
  readonly registry?: Registrar | undefined
  /** Where to listen, `host:port`; port 0 takes a free one, an empty host means all interfaces. Default `:0`. */
  readonly address?: string | undefined
  /** Address to register, where it is not the one listened on: `host:port`, or a host alone for the listening port. Default: the host listened on, or this machine's first external IPv4 address. */
  readonly advertise?: string | undefined
  /** Default `<name>-<uuid>`. */
  readonly id?: string | undefined
  /** Default `latest`. */
  readonly version?: string | undefined
  /** Share of the load relative to other instances, > 0. Default 1. */
  readonly weight?: number | undefined
  /** Where it runs, for filters and balancers of callers; nothing here goes by it. */
  readonly zone?: string | undefined
  /** Told to callers with the instance; `protocol` is the transport's scheme, unless it is given here. */
  readonly metadata?: Readonly<Record<string, string>> | undefined
  /** What the server tells of itself: `[health(), reflection()]`, from `beckon/services/…`. Default: nothing. */
  readonly services?: readonly StandardService[] | undefined
  /** Around every handler; the first is outermost. */
  readonly middleware?: readonly Middleware[] | undefined
  /** How long to go on serving after deregistering, so that every caller has heard of it, in milliseconds. Default 500. */
  readonly propagation?: number | undefined
  /** How long calls under way may take to finish when stopping, in milliseconds. Default 10 000. */
  readonly grace?: number | undefined
  /** Stop and exit on SIGTERM and SIGINT; a second signal exits at once. Default true. */
  readonly signals?: boolean | undefined
  /** Told of its states at `info`, and at `warn` of what cannot be deregistered. */
  readonly logger?: Logger | undefined
}

/** One running copy of a service. */
export interface Server {
  readonly state: ServerState
  /** Where it listens; empty before {@link start}. */
  readonly address: string
  /** What was registered, and whether callers can see it. */
  readonly registration: Registration | undefined
  /** Implements a contract. Throws `invalid_argument` naming the method for one that is missing or unknown. */
  handle<S extends Service>(service: S, handlers: Handlers<S>): Server
  /** Listens, then registers. Rejects, listening no more, when either is not possible. */
  start(): Promise<Server>
  /** Deregisters, waits for callers to hear of it, tells connections to go away, finishes what is in flight. No call is lost. Idempotent. */
  close(): Promise<void>
}

/** Makes a server of one or more contracts under one name. */
export function createServer(options: ServerOptions): Server {
  const { name, transport, registry, grace = 10_000, propagation = 500 } = options
  const logger = loggerOf(options.logger)
  check(options)
  const wrap = chain(...(options.middleware ?? []))
  const routes = new Map<string, Route>()
  const contracts: Service[] = []
  const watchers = new Set<(state: ServerState) => void>()
  const stopping = new AbortController()
  let state: ServerState = 'new'
  let listener: Listener | undefined
  let registration: Registration | undefined
  let forgetSignals: (() => void) | undefined
  let starting: Promise<void> | undefined
  let closing: Promise<void> | undefined

  /** Also while it serves it may be told to say that it does not. */
  function serving(): boolean {
    return state === 'serving' && (options.services ?? []).every((one) => one.serving?.() ?? true)
  }

  function become(next: ServerState): void {
    state = next
    for (const tell of watchers) {
      try {
        tell(next)
      } catch (error) {
        logger.error({ service: name, err: error }, `a service that follows the state of server ${name} threw`)
      }
    }
  }

  async function open(): Promise<void> {
    for (const make of options.services ?? []) for (const { service, handlers } of make(view)) implement(service, handlers, unadvertised)
    listener = await transport.listen(find, { address: options.address ?? ':0', serving })
    try {
      registration = await registry?.register(instanceAt(listener.address))
    } catch (error) {
      await listener.close()
      throw error
    }
    if (options.signals ?? true) forgetSignals = onSignal(close)
    become('serving')
    logger.info({ service: name, address: listener.address, instance: registration?.instance.id }, 'serving')
  }

  function instanceAt(listening: string): Instance {
    const { id = `${name}-${randomUUID()}`, version = 'latest', weight, zone, metadata } = options
    return {
      id,
      service: name,
      address: advertised(listening, options.advertise),
      version,
      ...(weight !== undefined && { weight }),
      ...(zone !== undefined && { zone }),
      metadata: { protocol: transport.scheme, ...metadata },
      endpoints: [...new Set(routes.values())].flatMap(({ method }) => method.info ?? []),
    }
  }

  function implement(service: Service, handlers: object, shown = (method: Method): Method => method): void {
    for (const [local, one] of Object.entries(service.methods)) {
      const handler = (handlers as Record<string, unknown>)[local]
      if (typeof handler !== 'function') throw new RpcError('invalid_argument', `handle(${service.name}): method "${local}" has no handler`)
      const method = shown(one)
      const route = { method, endpoint: wrap(endpointOf(method, handler.bind(handlers))), codecs: method.codecs }
      routes.set(method.path, route)
      if (!routes.has(shortPath(method.path))) routes.set(shortPath(method.path), route)
    }
    contracts.push(service)
  }

  /** Exact path first; then, as go-micro does, by what follows the service's last dot: `/hello.srv.say.Greeter/Hello`. */
  function find(path: string): Route | undefined {
    return routes.get(path) ?? routes.get(shortPath(path))
  }

  function close(): Promise<void> {
    closing ??= stop()
    return closing
  }

  async function stop(): Promise<void> {
    await starting?.catch(() => {})
    const wasServing = state === 'serving'
    become('draining')
    logger.info({ service: name, address: listener?.address }, 'draining')
    try {
      await registration?.deregister()
    } catch (error) {
      const instance = registration?.instance.id
      const text = `${instance} could not be deregistered, its record goes when its lease ends: ${(error as Error).message}`
      logger.warn({ service: name, instance, err: error }, text)
    }
    if (registration !== undefined && wasServing) await new Promise((resolve) => setTimeout(resolve, propagation))
    stopping.abort()
    await listener?.close({ grace })
    forgetSignals?.()
    become('closed')
    logger.info({ service: name }, 'closed')
  }

  const view: ServerView = {
    name,
    get state() {
      return state
    },
    services: contracts,
    stopping: stopping.signal,
    onState(tell) {
      watchers.add(tell)
      return () => watchers.delete(tell)
    },
  }

  const server: Server = {
    get state() {
      return state
    },
    get address() {
      return listener?.address ?? ''
    },
    get registration() {
      return registration
    },
    handle(service, handlers) {
      if (state !== 'new') throw new RpcError('failed_precondition', `server ${name}: handle() comes before start()`)
      // An instance of a class may have fields of its own.
      const plain = Object.getPrototypeOf(handlers) === Object.prototype
      for (const unknown of Object.keys(handlers).filter((key) => plain && !(key in service.methods))) {
        throw new RpcError(
          'invalid_argument',
          `handle(${service.name}): no method "${unknown}"; it has ${Object.keys(service.methods).join(', ')}`,
        )
      }
      implement(service, handlers)
      return server
    },
    async start() {
      if (state !== 'new') throw new RpcError('failed_precondition', `server ${name}: start() can be called once, it is ${state}`)
      become('starting')
      try {
        starting = open()
        await starting
      } catch (error) {
        become('closed')
        throw error
      }
      return server
    },
    close,
  }
  return server
}

function check(options: ServerOptions): void {
  const { name, transport, registry, middleware, services, weight, grace, propagation, advertise } = options
  checkText('createServer: name', name ?? '')
  for (const option of ['id', 'address'] as const) checkText(`createServer: ${option}`, options[option])
  checkMade('createServer: transport', transport, 'listen', 'grpc()')
  if (registry !== undefined) checkMade('createServer: registry', registry, 'register', 'etcd()')
  checkFunctions('createServer: middleware', middleware)
  checkFunctions('createServer: services', services)
  if (weight !== undefined) checkNumber('createServer: weight', weight, { above: 0 })
  if (grace !== undefined && grace !== Number.POSITIVE_INFINITY) checkNumber('createServer: grace (ms)', grace, { min: 0 })
  if (propagation !== undefined) checkNumber('createServer: propagation (ms)', propagation, { min: 0 })
  if (advertise !== undefined && (typeof advertise !== 'string' || !canBeCalled(advertised(':1', advertise))))
    throw new RpcError('invalid_argument', `createServer: advertise must be host:port or a host, got ${JSON.stringify(advertise)}`)
}

function endpointOf(method: Method, handler: (request: unknown, context: Context) => unknown): Endpoint {
  const { path, kind } = method
  const streams = streamsResponse(kind)
  return (request, context) => {
    try {
      const response = handler(request, context)
      if (response instanceof Promise) return streams ? response.then(checked) : response
      return Promise.resolve(streams ? checked(response) : response)
    } catch (error) {
      return Promise.reject(error)
    }
  }

  function checked(response: unknown): unknown {
    if (isStream(response)) return response
    throw new RpcError('internal', `handler of ${path} must return an async iterable, as an async generator does`)
  }
}

/** What a server tells of itself is none of what it is found for. */
function unadvertised({ info: _, ...method }: Method): Method {
  return method
}

function isStream(value: unknown): boolean {
  return typeof value === 'object' && value !== null && Symbol.asyncIterator in value
}

/** `/pkg.Greeter/Hello` → `/Greeter/Hello`. */
function shortPath(path: string): string {
  const slash = path.indexOf('/', 1)
  return `/${path.slice(path.lastIndexOf('.', slash) + 1)}`.replace('//', '/')
}
