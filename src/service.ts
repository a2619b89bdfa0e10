import type { DescMessage, MessageInitShape, MessageShape } from '@bufbuild/protobuf'
import type { Codec } from './codec.ts'
import { RpcError } from './error.ts'
import type { EndpointInfo } from './registry.ts'
import type { MessageCodecs } from './transport.ts'

/** Who sends how many messages. */
export type Kind = 'unary' | 'clientStream' | 'serverStream' | 'bidi'

/** One RPC method. */
export interface Method<Req = unknown, Res = unknown> {
  /** Full name of the contract: `package.Service`. */
  readonly service: string
  /** Name on the wire: `GetBookInfo`. */
  readonly name: string
  /** `/package.Service/Method`. */
  readonly path: string
  readonly kind: Kind
  readonly input: Codec<Req>
  readonly output: Codec<Res>
  /** Doing it twice is the same as doing it once, so a call that may have been processed may be sent again. */
  readonly idempotent: boolean
  /** Calling it changes nothing, so that a GET may do it. */
  readonly noSideEffects?: boolean
  /** Codecs for other content subtypes that a server of this method also understands, by subtype. */
  readonly codecs?: Readonly<Record<string, MessageCodecs>>
  /** What an instance advertises about it. */
  readonly info?: EndpointInfo
}

/** The types of one method, seen from both sides of the wire. */
export interface MethodShape {
  readonly kind: Kind
  /** What a caller may pass. */
  readonly request: unknown
  /** What a handler gets. */
  readonly received: unknown
  /** What a handler may return. */
  readonly reply: unknown
  /** What a caller gets. */
  readonly response: unknown
}

/** The types of a contract, by local method name. */
export type ServiceShape = Readonly<Record<string, MethodShape>>

/** Carries a contract's types; never present at run time. */
declare const shape: unique symbol

/** A contract: a name and its methods, shared by client and server. */
export interface Service<S extends ServiceShape = ServiceShape> {
  readonly name: string
  /** By the name used in code: `getBookInfo`. */
  readonly methods: { readonly [K in keyof S]: Method }
  readonly [shape]?: S
}

/** A method of a contract before it is given a name and a place: what {@link defineService} takes. */
export interface MethodDefinition<S extends MethodShape = MethodShape> {
  readonly kind: S['kind']
  readonly input: Codec
  readonly output: Codec
  readonly idempotent?: boolean | undefined
  /** Name on the wire. Default: the local name with its first letter in upper case. */
  readonly name?: string | undefined
  readonly [shape]?: S
}

/** The types that a set of definitions stands for. */
export type ShapeOfDefinitions<D> = { readonly [K in keyof D]: D[K] extends MethodDefinition<infer S> ? S : never }

/**
 * A contract in plain TypeScript. Throws `invalid_argument` for a name that cannot be part of a path.
 *
 * @example
 * const Greeter = defineService('hello.Greeter', { hello: unary<HelloRequest, HelloResponse>() })
 */
export function defineService<const D extends Readonly<Record<string, MethodDefinition>>>(
  name: string,
  definitions: D,
): Service<ShapeOfDefinitions<D>> {
  if (!/^[^/\s]+$/.test(name))
    throw new RpcError('invalid_argument', `defineService: name must be like package.Service, got ${JSON.stringify(name)}`)
  const methods: Record<string, Method> = {}
  for (const [local, definition] of Object.entries(definitions)) {
    const wire = definition.name ?? local.charAt(0).toUpperCase() + local.slice(1)
    methods[local] = {
      service: name,
      name: wire,
      path: `/${name}/${wire}`,
      kind: definition.kind,
      input: definition.input,
      output: definition.output,
      idempotent: definition.idempotent ?? false,
      info: endpointInfo(name, wire, definition.kind),
    }
  }
  return { name, methods: methods as Service<ShapeOfDefinitions<D>>['methods'] }
}

/** What go-micro advertises for a method: `Greeter.Hello`, and whether it streams. */
export function endpointInfo(service: string, method: string, kind: Kind): EndpointInfo {
  const name = `${service.slice(service.lastIndexOf('.') + 1)}.${method}`
  return kind === 'unary' ? { name, metadata: {} } : { name, metadata: { stream: 'true' } }
}

/** The types of a contract: of a {@link Service}, or of a protobuf-es `GenService`. */
export type ShapeOf<C> = C extends Service<infer S> ? S : C extends { readonly method: infer M } ? ShapeOfProto<M> : never

/** The types of a protobuf-es service, from its generated descriptor. */
type ShapeOfProto<M> = {
  readonly [K in keyof M]: M[K] extends {
    readonly methodKind: infer Kd extends keyof ProtoKinds
    readonly input: infer I
    readonly output: infer O
  }
    ? { kind: ProtoKinds[Kd]; request: Init<I>; received: Message<I>; reply: Init<O>; response: Message<O> }
    : never
}
interface ProtoKinds {
  unary: 'unary'
  client_streaming: 'clientStream'
  server_streaming: 'serverStream'
  bidi_streaming: 'bidi'
}
type Init<T> = T extends DescMessage ? MessageInitShape<T> : never
type Message<T> = T extends DescMessage ? MessageShape<T> : never
