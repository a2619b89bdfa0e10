import type { Headers } from './headers.ts'
import type { Instance } from './registry.ts'
import type { Method } from './service.ts'

/**
 * One RPC method as a function. Streaming does not change the type: a client stream's request and a server stream's
 * response are AsyncIterables. A response stream resolves once the peer has answered with headers; leaving its
 * iteration cancels the call.
 */
export type Endpoint<Req = unknown, Res = unknown> = (request: Req, context: Context) => Promise<Res>

/** Endpoint in, endpoint out; the same type on both sides of the wire, for all four kinds of call. */
export type Middleware = <Req, Res>(next: Endpoint<Req, Res>) => Endpoint<Req, Res>

/** What travels beside the message of one call. It is passed by hand, as in Go; there is no ambient state. */
export interface Context {
  readonly method: Method
  /** Client: what is sent. Server: what came. */
  readonly headers: Headers
  /** Aborted when the caller gives up or the connection breaks. */
  readonly signal?: AbortSignal | undefined
  /** When the call must have ended, in milliseconds on `performance.now()`'s clock, which no clock change moves. */
  readonly deadline?: number | undefined

  /** Client: called with the peer's headers, once, before any message. */
  readonly onHeaders?: ((headers: Headers) => void) | undefined
  /** Client: called with the peer's trailers, once, after the last message. */
  readonly onTrailers?: ((trailers: Headers) => void) | undefined
  /** Client: ids of the instances that failed this call before; others are preferred. */
  readonly tried?: readonly string[] | undefined
  /** Client: the instance that the channel picked last. */
  instance?: Instance | undefined
  /** Client: the call alone does not keep the process alive. */
  readonly background?: boolean | undefined

  /** Server: address of the caller. */
  readonly peer?: string | undefined
  /** Server: sent before the first message, or as soon as a stream that the handler has returned waits for it. */
  readonly replyHeaders?: Headers | undefined
  /** Server: sent after the last message, also with an error. */
  readonly replyTrailers?: Headers | undefined
}

/** Composes middleware; the first is outermost. */
export function chain(...middleware: readonly Middleware[]): Middleware {
  return (next) => middleware.reduceRight((inner, outer) => outer(inner), next)
}

/** Makes a call. What the endpoint throws, as middleware may that is no `async` function, is rejected with like any other error. */
export function invoke<Req, Res>(endpoint: Endpoint<Req, Res>, request: Req, context: Context): Promise<Res> {
  try {
    return endpoint(request, context)
  } catch (thrown) {
    return Promise.reject(thrown)
  }
}

/** Milliseconds left until the context's deadline, at least 0; `Infinity` without one. */
export function timeLeft(context: Context): number {
  return context.deadline === undefined ? Number.POSITIVE_INFINITY : Math.max(0, context.deadline - performance.now())
}
