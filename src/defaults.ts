import type { DescService } from '@bufbuild/protobuf'
import { pino } from 'pino'
import type { Balancer } from './balancer.ts'
import { p2c } from './balancers/p2c.ts'
import { type Channel, createChannel as channelOf, type ChannelOptions as EngineChannelOptions } from './channel.ts'
import { checkFunctions } from './check.ts'
import { type Client, createClient as clientOf, type ClientOptions as EngineClientOptions } from './client.ts'
import { protobufService } from './codecs/protobuf.ts'
import type { Middleware } from './endpoint.ts'
import { RpcError } from './error.ts'
import type { Logger } from './logger.ts'
import { type RetryOptions, retry } from './middleware/retry.ts'
import { fixed } from './registries/fixed.ts'
import type { Resolver } from './registry.ts'
import {
  type Server as EngineServer,
  type ServerOptions as EngineServerOptions,
  type Handlers,
  createServer as serverOf,
} from './server.ts'
import type { Service } from './service.ts'
import type { Transport } from './transport.ts'
import { grpc } from './transports/grpc.ts'

/** A contract: from {@link defineService}, or a service that protobuf-es generated from a `.proto`. */
export type Contract = Service | DescService

/** A contract as the engine knows it. Throws `invalid_argument` for what is none, as an import that goes in a circle is. */
export function toService(contract: Contract): Service {
  if (typeof contract !== 'object' || contract === null || !('methods' in contract))
    throw new RpcError(
      'invalid_argument',
      `contract: must be what defineService() makes or protobuf-es generates, got ${contract === null ? 'null' : typeof contract}`,
    )
  return 'methods' in contract && 'kind' in contract && contract.kind === 'service' ? protobufService(contract) : (contract as Service)
}

/** What {@link createServer} needs and can be told. */
export interface ServerOptions extends Omit<EngineServerOptions, 'transport'> {
  /** Default `grpc()`. */
  readonly transport?: Transport | undefined
}

/** {@inheritDoc EngineServer} */
export interface Server extends Omit<EngineServer, 'handle' | 'start'> {
  /** Implements a contract. Throws `invalid_argument` naming the method for one that is missing or unknown. */
  handle<C extends Contract>(contract: C, handlers: Handlers<C>): Server
  /** Listens, then registers. Rejects, listening no more, when either is not possible. */
  start(): Promise<Server>
}

/** Makes a server of one or more contracts under one name: gRPC, problems logged to stderr. Throws `invalid_argument` naming the option. */
export function createServer(options: ServerOptions): Server {
  const engine = serverOf({ ...options, transport: options.transport ?? grpc(), logger: options.logger ?? defaultLogger() })
  const server: Server = {
    get state() {
      return engine.state
    },
    get address() {
      return engine.address
    },
    get registration() {
      return engine.registration
    },
    handle(contract, handlers) {
      engine.handle(toService(contract), handlers as Handlers<Service>)
      return server
    },
    async start() {
      await engine.start()
      return server
    },
    close: () => engine.close(),
  }
  return server
}

/** What {@link createChannel} needs and can be told. */
export interface ChannelOptions extends Omit<EngineChannelOptions, 'transport' | 'balancer' | 'registry'> {
  /** Where instances are found. Either this or `addresses`. */
  readonly registry?: Resolver | undefined
  /** Instances known in advance, `host:port`. */
  readonly addresses?: readonly string[] | undefined
  /** Default `grpc()`. `[grpc(), mucp()]` calls every instance of a go-micro fleet by the protocol that its record says. */
  readonly transport?: Transport | readonly Transport[] | undefined
  /** Default `p2c()`. */
  readonly balancer?: Balancer | undefined
}

/** Makes a channel that several clients may share: gRPC, power of two choices, problems logged to stderr. Throws `invalid_argument` naming the option. */
export function createChannel(options: ChannelOptions): Channel {
  const { registry, addresses } = options
  if ((registry === undefined) === (addresses === undefined)) {
    throw new RpcError('invalid_argument', `channel to "${options.service}": give either registry or addresses`)
  }
  if (addresses !== undefined && !(Array.isArray(addresses) && addresses.length > 0))
    throw new RpcError('invalid_argument', `channel to "${options.service}": addresses must be a list of at least one host:port`)
  return channelOf({
    ...options,
    registry: registry ?? fixed(addresses ?? []),
    transport: options.transport ?? grpc(),
    balancer: options.balancer ?? p2c(),
    logger: options.logger ?? defaultLogger(),
  })
}

/** What {@link createClient} needs and can be told. */
export interface ClientOptions extends Omit<ChannelOptions, 'service'>, Omit<EngineClientOptions, 'channel' | 'shared' | 'middleware'> {
  /** Name under which the instances are registered. Default: the contract's own name. */
  readonly service?: string | undefined
  /** A channel to share, instead of `service`, `registry` and the rest that {@link createChannel} takes. Who made it closes it. */
  readonly channel?: Channel | undefined
  /** How to retry calls; `false` for not at all. Default: three attempts, only what is safe to repeat. */
  readonly retry?: RetryOptions | false | undefined
  /** Around the whole call, retries included; the first is outermost. */
  readonly middleware?: readonly Middleware[] | undefined
}

/** Makes a client: a function per method of the contract. Throws `invalid_argument` naming the option. */
export function createClient<C extends Contract>(contract: C, options: ClientOptions): Client<C> {
  const service = toService(contract)
  const { channel: given, timeout, retry: retries, middleware = [], ...own } = options
  const surplus = Object.entries(own).flatMap(([name, value]) => (value === undefined ? [] : [name]))
  if (given !== undefined && surplus.length > 0)
    throw new RpcError('invalid_argument', `client of "${service.name}": a channel comes with its own ${surplus.join(', ')}: give either`)
  checkFunctions(`client of "${service.name}": middleware`, middleware)
  if (retries !== undefined && retries !== false && typeof retries !== 'object')
    throw new RpcError(
      'invalid_argument',
      `client of "${service.name}": retry must be false or options like { attempts: 3 }, got ${retries}`,
    )
  const again = retries === false ? [] : [retry(retries)]
  const channel = given ?? createChannel({ ...own, service: own.service ?? service.name })
  return clientOf(service, { channel, shared: given !== undefined, middleware: [...middleware, ...again], timeout }) as unknown as Client<C>
}

let shared: Logger | undefined

/** pino on stderr, from `warn` up: trouble is told, ordinary life is not. */
function defaultLogger(): Logger {
  shared ??= pino({ name: 'beckon', level: 'warn' }, pino.destination(2))
  return shared
}
