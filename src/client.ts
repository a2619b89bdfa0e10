import { joinSignals } from './abort.ts'
import type { Channel } from './channel.ts'
import { checkFunctions, checkMade, checkNumber } from './check.ts'
import { type Context, chain, type Endpoint, type Middleware } from './endpoint.ts'
import { RpcError } from './error.ts'
import { Headers, type HeadersInit } from './headers.ts'
import type { Method, MethodShape, Service, ShapeOf } from './service.ts'
import { callWithEnd, streamsRequest, streamsResponse } from './stream.ts'

/** What one call may bring along. */
export interface CallOptions {
  /** Metadata to send. Names are lower-cased; those in `-bin` take bytes, the others printable ASCII. */
  readonly headers?: HeadersInit | undefined
  /** Milliseconds until the call must have ended; `Infinity` for none. Default: the client's `timeout`, or none where the response is a stream. */
  readonly timeout?: number | undefined
  /** Ends the call when it is aborted: with `canceled`, `deadline_exceeded` for `AbortSignal.timeout`, or the RpcError that is its reason. */
  readonly signal?: AbortSignal | undefined
  /** Context of the request being served: its deadline and cancellation apply to this call too. Headers do not travel on by themselves. */
  readonly parent?: Context | undefined
  /** Called with the peer's headers, once, before any message. */
  readonly onHeaders?: ((headers: Headers) => void) | undefined
  /** Called with the peer's trailers, once, after the last message. */
  readonly onTrailers?: ((trailers: Headers) => void) | undefined
  /** The call alone does not keep the process alive. */
  readonly background?: boolean | undefined
}

/** Anything that can be iterated with `for await`. */
export type Stream<T> = AsyncIterable<T> | Iterable<T>

/**
 * A method as a client has it. Leaving the iteration of a response stream cancels the call. A stream is to be read to its end or left, or to have a
 * `timeout` or `signal`: one that nobody reads goes on, counts as load of its node, and holds the peer back.
 */
export type ClientMethod<S extends MethodShape> = S['kind'] extends 'unary'
  ? (request: S['request'], options?: CallOptions) => Promise<S['response']>
  : S['kind'] extends 'clientStream'
    ? (requests: Stream<S['request']>, options?: CallOptions) => Promise<S['response']>
    : S['kind'] extends 'serverStream'
      ? (request: S['request'], options?: CallOptions) => AsyncIterable<S['response']>
      : (requests: Stream<S['request']>, options?: CallOptions) => AsyncIterable<S['response']>

/** A function per method of a contract. */
export type Client<C> = {
  readonly [K in keyof ShapeOf<C>]: ShapeOf<C>[K] extends MethodShape ? ClientMethod<ShapeOf<C>[K]> : never
} & AsyncDisposable

/** What a client is made of. */
export interface ClientOptions {
  readonly channel: Channel
  /** Others use the channel too: closing the client leaves it open. Default false. */
  readonly shared?: boolean | undefined
  /** Around the whole call; the first is outermost. */
  readonly middleware?: readonly Middleware[] | undefined
  /** Default time for a call whose response is not a stream, in milliseconds, > 0; `Infinity` for none. Default 10 000. */
  readonly timeout?: number | undefined
}

/** Makes the functions that call a contract's methods over a channel. */
export function createClient<S extends Service>(service: S, options: ClientOptions): Client<S> {
  const { channel, timeout = 10_000, shared = false } = options
  const named = `client of "${service.name}"`
  checkMade(`${named}: channel`, channel, 'call', 'createChannel()')
  checkFunctions(`${named}: middleware`, options.middleware)
  if (timeout !== Number.POSITIVE_INFINITY) checkNumber(`${named}: timeout (ms)`, timeout, { above: 0 })
  const endpoint = chain(...(options.middleware ?? []))(channel.call)
  const client: Record<PropertyKey, unknown> = { [Symbol.asyncDispose]: async () => (shared ? undefined : channel.close()) }
  for (const [name, method] of Object.entries(service.methods)) client[name] = functionOf(method, endpoint, timeout)
  return client as Client<S>
}

/** Ends a client's watch and connections; a channel that it was given is left to its owner. `await using` does the same. */
export function closeClient(client: AsyncDisposable): PromiseLike<void> {
  return client[Symbol.asyncDispose]()
}

function functionOf(method: Method, endpoint: Endpoint, timeout: number): (request: unknown, options?: CallOptions) => unknown {
  const sendsStream = streamsRequest(method.kind)
  return streamsResponse(method.kind) ? respond : call

  function call(request: unknown, options: CallOptions | undefined, left?: AbortSignal): Promise<unknown> {
    try {
      const sent = sendsStream ? toAsync(method, request) : request
      if (options === undefined) return endpoint(sent, bareContext(method, performance.now() + timeout, undefined))
      const signals = [options.signal, options.parent?.signal, left].filter((signal) => signal !== undefined)
      const context = contextOf(method, options, timeout, signals[0])
      if (signals.length <= 1) return endpoint(sent, context)
      const { signal, release } = joinSignals(signals)
      return callWithEnd(endpoint, sent, { ...context, signal }, release)
    } catch (error) {
      return Promise.reject(error)
    }
  }

  function respond(request: unknown, options: CallOptions | undefined): AsyncIterable<unknown> {
    const left = new AbortController()
    const response = call(request, { ...options, timeout: options?.timeout ?? Number.POSITIVE_INFINITY }, left.signal)
    return later(response as Promise<AsyncIterable<unknown>>, () => left.abort())
  }
}

function contextOf(method: Method, options: CallOptions, timeout: number, signal: AbortSignal | undefined): Context {
  const time = options.timeout ?? timeout
  checkTimeout(method.path, time)
  const deadline = Math.min(performance.now() + time, options.parent?.deadline ?? Number.POSITIVE_INFINITY)
  return {
    ...bareContext(method, deadline, signal),
    headers: new Headers(options.headers),
    onHeaders: options.onHeaders,
    onTrailers: options.onTrailers,
    background: options.background,
  }
}

/** Every field is set, so that all contexts have one shape. */
function bareContext(method: Method, deadline: number, signal: AbortSignal | undefined): Context {
  return {
    method,
    headers: new Headers(),
    signal,
    deadline: deadline === Number.POSITIVE_INFINITY ? undefined : deadline,
    onHeaders: undefined,
    onTrailers: undefined,
    tried: undefined,
    instance: undefined,
    background: undefined,
  }
}

function checkTimeout(where: string, timeout: number): void {
  if (!(timeout > 0)) throw new RpcError('invalid_argument', `${where}: timeout must be a number of milliseconds > 0, got ${timeout}`)
}

function toAsync({ path }: Method, stream: unknown): AsyncIterable<unknown> {
  if (typeof stream === 'object' && stream !== null) {
    if (Symbol.asyncIterator in stream) return stream as AsyncIterable<unknown>
    if (Symbol.iterator in stream) return inTurn(stream as Iterable<unknown>)
  }
  throw new RpcError('invalid_argument', `${path} takes a stream of requests: an array, or anything else that can be iterated`)
}

async function* inTurn<T>(items: Iterable<T>): AsyncGenerator<T> {
  yield* items
}

/** A stream that is there before its call has been answered. Leaving it early cancels the call. */
function later<T>(response: Promise<AsyncIterable<T>>, cancel: () => void): AsyncIterable<T> {
  let open: AsyncIterator<T> | undefined
  let over = false
  const opening = response.then((stream) => stream[Symbol.asyncIterator]())
  // Before whatever has been asked for meanwhile. Whoever iterates gets the error; nobody is obliged to.
  opening.then(
    (iterator) => {
      open = iterator
    },
    () => {},
  )
  return {
    [Symbol.asyncIterator]: () => ({
      next() {
        if (over) return Promise.resolve({ done: true, value: undefined })
        return open === undefined ? opening.then((iterator) => iterator.next()) : open.next()
      },
      async return() {
        if (!over) {
          over = true
          cancel()
          await opening.then((iterator) => iterator.return?.()).catch(() => {})
        }
        return { done: true, value: undefined }
      },
    }),
  }
}
