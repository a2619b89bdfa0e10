import type { Context, Endpoint } from './endpoint.ts'
import { RpcError } from './error.ts'
import type { Kind } from './service.ts'

/** Whether a call of this kind is answered with a stream. */
export function streamsResponse(kind: Kind): boolean {
  return kind === 'serverStream' || kind === 'bidi'
}

/** Whether a call of this kind is made with a stream. */
export function streamsRequest(kind: Kind): boolean {
  return kind === 'clientStream' || kind === 'bidi'
}

/** A stream of requests that tells whether anybody has begun to read it: until then the call can be made again with it. */
export class Untouched<T> implements AsyncIterable<T> {
  touched = false
  readonly #stream: AsyncIterable<T>

  constructor(stream: AsyncIterable<T>) {
    this.#stream = stream
  }

  [Symbol.asyncIterator](): AsyncIterator<T> {
    this.touched = true
    return this.#stream[Symbol.asyncIterator]()
  }
}

/** A stream that tells of its end by itself, as {@link onEnd} does for any other at the cost of a promise for each item. */
export interface TellingStream<T> extends AsyncIterable<T> {
  /** Calls back once, when {@link onEnd} would. */
  tellEnd(callback: (error?: RpcError) => void): void
}

/** The end of a stream, told once to everybody who asks, before or after. */
export class Ending {
  readonly #callbacks: ((error?: RpcError) => void)[] = []
  #told: { readonly error: RpcError | undefined } | undefined

  /** Calls back when an end is told of, or now. Returns what the callback has thrown now, see {@link Ending.tell}. */
  ask(callback: (error?: RpcError) => void): RpcError | undefined {
    this.#callbacks.push(callback)
    return this.#told && this.tell(undefined)
  }

  /** Tells of an end; only the first counts. Returns what a callback has thrown: that is for the stream's reader, and no fault of who tells. */
  tell(error: RpcError | undefined): RpcError | undefined {
    this.#told ??= { error }
    let thrown: RpcError | undefined
    for (const callback of this.#callbacks.splice(0)) {
      try {
        callback(this.#told.error)
      } catch (one) {
        thrown ??= RpcError.from(one)
      }
    }
    return thrown
  }
}

/**
 * The same stream, telling once when it has ended: without an error after its last item, with the error it failed with,
 * or with `canceled` when its consumer left. A transport's own stream tells of a failure at once, by a deadline or signal too, though nobody reads it;
 * others tell nothing then. What the callback throws is thrown to the consumer.
 */
export function onEnd<T>(stream: AsyncIterable<T> | TellingStream<T>, callback: (error?: RpcError) => void): AsyncIterable<T> {
  if ('tellEnd' in stream) {
    stream.tellEnd(callback)
    return stream
  }
  let ended = false
  const end = (error?: RpcError): void => {
    if (ended) return
    ended = true
    callback(error)
  }
  return { [Symbol.asyncIterator]: () => watched(stream[Symbol.asyncIterator](), end) }
}

/** What is told of a stream whose consumer left. */
export function leftEarly(): RpcError {
  return new RpcError('canceled', 'the stream was left before its end')
}

function watched<T>(source: AsyncIterator<T>, end: (error?: RpcError) => void): AsyncIterator<T> {
  const came = (one: IteratorResult<T>): IteratorResult<T> => {
    if (one.done) end()
    return one
  }
  const left = (one: IteratorResult<T>): IteratorResult<T> => {
    if (one.done) end(new RpcError('canceled', 'the stream was left before its end'))
    return one
  }
  const failed = (thrown: unknown): never => {
    end(RpcError.from(thrown))
    throw thrown
  }
  return {
    next: () => source.next().then(came, failed),
    return: (value) => (source.return?.(value) ?? Promise.resolve({ done: true, value })).then(left, failed),
    throw: (reason) => (source.throw?.(reason) ?? Promise.reject(reason)).then(came, failed),
  }
}

/** Makes a call and tells once how it ended, whatever its kind: with the response, or with the last message of its stream. */
export async function callWithEnd<Req, Res>(
  next: Endpoint<Req, Res>,
  request: Req,
  context: Context,
  end: (error?: RpcError) => void,
): Promise<Res> {
  let response: Res
  try {
    response = await next(request, context)
  } catch (thrown) {
    end(RpcError.from(thrown))
    throw thrown
  }
  if (streamsResponse(context.method.kind)) return onEnd(response as AsyncIterable<unknown>, end) as Res
  end()
  return response
}
