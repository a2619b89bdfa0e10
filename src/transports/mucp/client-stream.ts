import type { Context } from '../../endpoint.ts'
import { RpcError } from '../../error.ts'
import { streamsRequest, streamsResponse } from '../../stream.ts'
import type { CallHost } from './client-connection.ts'
import { given } from './client-unary.ts'
import { endOfStream, readError } from './errors.ts'
import { fieldOf, type HttpMessage } from './http1.ts'
import { readMetadata } from './metadata.ts'
import { createQueue } from './queue.ts'
import { checkBegun, decode, encode, onGivenUp, refusal, requestOf } from './request.ts'
import type { Wire } from './wire.ts'

const nothing = new Uint8Array(0)

/**
 * Makes a call with a stream in it, on a socket of its own. The first request only opens it; every message is a request, and every
 * answer one of its responses, until `EOS`. go-micro's servers do not say that they have ended once this side has.
 */
export async function callStream(host: CallHost, request: unknown, context: Context, done: () => void): Promise<unknown> {
  let wire: Wire
  try {
    checkBegun(context)
    wire = await given(host, context, true)
  } catch (thrown) {
    done()
    throw thrown
  }
  return new Promise((resolve, reject) => new Stream(host, wire, context, { resolve, reject, done }).begin(request))
}

interface Ending {
  resolve(response: unknown): void
  reject(error: RpcError): void
  done(): void
}

// A class, because its parts call one another and end it from many places.
class Stream {
  readonly #host: CallHost
  readonly #wire: Wire
  readonly #context: Context
  readonly #ending: Ending
  readonly #callOff: () => void
  readonly #queue = createQueue<unknown>({
    full: (full) => (full ? this.#wire.pause() : this.#wire.resume()),
    left: () => this.#finish(new RpcError('canceled', 'the stream was left before its end', { outbound: true })),
  })
  #requests: AsyncIterator<unknown> | undefined
  #headersCame = false
  #answered = false
  #over = false

  constructor(host: CallHost, wire: Wire, context: Context, ending: Ending) {
    this.#host = host
    this.#wire = wire
    this.#context = context
    this.#ending = ending
    if (context.background !== true) wire.socket.ref()
    this.#callOff = onGivenUp(context, (error) => this.#finish(error))
    wire.onMessage = (message) => this.#message(message)
    wire.onGone = (error) => {
      const text = `connection to ${host.address} was lost: ${error?.message ?? 'the peer closed it'}`
      this.#finish(new RpcError('unavailable', text, { outbound: true, ...(error && { cause: error }) }))
    }
  }

  begin(request: unknown): void {
    this.#send(request).catch((thrown: unknown) => {
      const { code, rawMessage, details } = RpcError.from(thrown, 'canceled')
      this.#finish(new RpcError(code, rawMessage, { cause: thrown, details, outbound: true }))
    })
  }

  async #send(request: unknown): Promise<void> {
    const { start, fields } = requestOf(this.#host, this.#context, this.#host.nextId(), true)
    void this.#wire.send(start, fields, nothing)
    if (!streamsRequest(this.#context.method.kind)) {
      void this.#wire.send(start, fields, encode(this.#host, this.#context, request))
      return
    }
    // A peer that answers to what it is sent says nothing before.
    if (this.#context.method.kind === 'bidi') this.#answer()
    this.#requests = (request as AsyncIterable<unknown>)[Symbol.asyncIterator]()
    for (;;) {
      const { done, value } = await this.#requests.next()
      if (this.#over) return
      if (done) break
      await this.#wire.send(start, fields, encode(this.#host, this.#context, value))
      if (this.#over) return
    }
    void this.#wire.send(start, [...fields, 'Micro-Error', endOfStream], nothing)
  }

  #message(message: HttpMessage): void {
    if (this.#over) return
    const { headers, trailers } = readMetadata(message.fields)
    try {
      const wrong = refusal(message, this.#context, this.#host.limit)
      if (wrong !== undefined) throw wrong
      const error = fieldOf(message, 'micro-error')
      if (!this.#headersCame) this.#context.onHeaders?.(headers)
      this.#headersCame = true
      if (!error) this.#take(decode(this.#host, this.#context, message.body), trailers)
      else {
        this.#context.onTrailers?.(trailers)
        this.#finish(error === endOfStream ? undefined : readError(error, trailers))
      }
    } catch (thrown) {
      this.#finish(RpcError.from(thrown))
    }
  }

  #take(response: unknown, trailers: ReturnType<typeof readMetadata>['trailers']): void {
    if (streamsResponse(this.#context.method.kind)) {
      this.#answer()
      this.#queue.push(response)
      return
    }
    this.#context.onTrailers?.(trailers)
    this.#answered = true
    this.#ending.resolve(response)
    this.#finish(undefined)
  }

  #answer(): void {
    if (this.#answered) return
    this.#answered = true
    this.#ending.resolve(this.#queue)
  }

  #finish(error: RpcError | undefined): void {
    if (this.#over) return
    this.#over = true
    this.#callOff()
    if (error === undefined && streamsResponse(this.#context.method.kind)) this.#answer()
    if (!this.#answered) this.#ending.reject(error ?? new RpcError('internal', 'the answer ended without a message', { outbound: true }))
    this.#queue.end(error)
    Promise.resolve(this.#requests?.return?.()).catch(() => {})
    this.#host.release(this.#wire, false)
    this.#ending.done()
  }
}
