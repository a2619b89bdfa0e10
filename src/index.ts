/**
 * Services that find each other: discovery through etcd, balancing, and gRPC on an engine of its own.
 *
 * @packageDocumentation
 */

// For drivers: registries, balancers, transports, codecs.
export { type Address, formatAddress, parseAddress } from './address.ts'
export { type Backoff, type BackoffOptions, backoff } from './backoff.ts'
export type { Balancer, Load, Node, Outcome } from './balancer.ts'
// For everybody: contracts, servers, clients.
export type { Channel } from './channel.ts'
export { type CallOptions, type Client, type ClientMethod, closeClient, type Stream } from './client.ts'
export { type Clock, systemClock } from './clock.ts'
export type { Codec } from './codec.ts'
export { bidi, clientStream, serverStream, unary } from './codecs/json.ts'
export {
  type ChannelOptions,
  type ClientOptions,
  type Contract,
  createChannel,
  createClient,
  createServer,
  type Server,
  type ServerOptions,
  toService,
} from './defaults.ts'
export { type ContextChanges, derive } from './derive.ts'
export { type Context, chain, type Endpoint, type Middleware, timeLeft } from './endpoint.ts'
export {
  type Attempt,
  type Code,
  codeFromNumber,
  codes,
  codeToNumber,
  type ErrorDetail,
  RpcError,
  type RpcErrorOptions,
  toReply,
} from './error.ts'
export { byEndpoint, byLabel, byVersion, type Filter } from './filter.ts'
export { Headers, type HeadersInit, type HeaderValue } from './headers.ts'
export { type Difference, differences, type Instances, instancesOf, nobody, type Run } from './instances.ts'
export { type Logger, silent } from './logger.ts'
export type { NodeStatus } from './node.ts'
export type {
  EndpointInfo,
  Instance,
  Registrar,
  Registration,
  RegistrationState,
  Registry,
  Resolver,
  ResolverListener,
  ValueInfo,
} from './registry.ts'
export type { Handler, Handlers } from './server.ts'
export {
  defineService,
  type Kind,
  type Method,
  type MethodDefinition,
  type MethodShape,
  type Service,
  type ServiceShape,
  type ShapeOf,
  type ShapeOfDefinitions,
} from './service.ts'
export type { Implementation, ServerState, ServerView, StandardService } from './standard.ts'
export { onEnd } from './stream.ts'
export type {
  Connection,
  ConnectionState,
  DialOptions,
  Listener,
  ListenOptions,
  MessageCodecs,
  Route,
  Routes,
  Transport,
} from './transport.ts'
