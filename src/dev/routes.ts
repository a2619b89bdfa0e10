import type { DescService } from '@bufbuild/protobuf'
import { protobufService } from '../codecs/protobuf.ts'
import type { Context, Endpoint } from '../endpoint.ts'
import type { Kind, MethodShape, ShapeOf } from '../service.ts'
import type { Route, Routes } from '../transport.ts'

/** The endpoints of a contract, by local method name. */
export type Handlers<C> = { readonly [K in keyof ShapeOf<C>]: ShapeOf<C>[K] extends MethodShape ? Handler<ShapeOf<C>[K]> : never }

type Handler<M extends MethodShape> = (
  request: Streamed<M['kind'], 'clientStream', M['received']>,
  context: Context,
) => Promise<Streamed<M['kind'], 'serverStream', M['reply']>>

type Streamed<K extends Kind, Side extends Kind, T> = K extends Side | 'bidi' ? AsyncIterable<T> : T

/** A contract with its endpoints, as {@link routesOf} takes it. */
export function implement<C extends DescService>(contract: C, handlers: Handlers<C>): readonly Route[] {
  const { methods } = protobufService(contract)
  const endpoints: Readonly<Record<string, unknown>> = handlers
  return Object.entries(methods).map(([name, method]) => ({ method, endpoint: endpoints[name] as Endpoint, codecs: method.codecs }))
}

/** Finds the routes of some contracts by path. */
export function routesOf(...contracts: readonly (readonly Route[])[]): Routes {
  const byPath = new Map(contracts.flat().map((route) => [route.method.path, route]))
  return (path) => byPath.get(path)
}
