import { systemClock } from '../../clock.ts'
import type { Context } from '../../endpoint.ts'
import { RpcError, toReply } from '../../error.ts'
import { Headers } from '../../headers.ts'
import { streamsRequest, streamsResponse } from '../../stream.ts'
import type { MessageCodecs, Route } from '../../transport.ts'
import { codecsFor } from './codecs.ts'
import { endOfStream, readError, writeError } from './errors.ts'
import { fieldOf, type HttpMessage } from './http1.ts'
import { readMetadata, writeMetadata } from './metadata.ts'
import { createQueue } from './queue.ts'
import type { Wire } from './wire.ts'

/** One call at a server. */
export interface ServerCall {
  /** Resolves when it has been answered, or nobody waits for that any more. */
  readonly done: Promise<void>
  /** Whether its caller has ended its stream. */
  readonly ended: boolean
  /** A further message of its stream, or why it is refused. */
  take(message: HttpMessage, refused: RpcError | undefined): void
  abort(reason: RpcError): void
}

/** What a call is served with. */
export interface ServerCallOptions {
  readonly route: Route
  /** The request, or what opened the stream. */
  readonly message: HttpMessage
  /** When it came, on `performance.now()`'s clock. */
  readonly came: number
  readonly peer: string
  readonly wire: Wire
  /** Sends a reply; a promise when the next one ought to wait. `last`: there will be no other. */
  reply(fields: readonly string[], body: Uint8Array, last: boolean): Promise<void> | undefined
}

const nothing = new Uint8Array(0)

/** Calls the handler and sends what it answers. */
export function serveCall({ route, message, came, peer, wire, reply: send }: ServerCallOptions): ServerCall {
  const { method } = route
  const codecs = codecsFor(route, fieldOf(message, 'content-type'))
  const controller = new AbortController()
  const deadline = deadlineOf(message, came)
  const replyHeaders = new Headers()
  const replyTrailers = new Headers()
  const headers = readMetadata(message.fields).headers
  const context: Context = { method, headers, signal: controller.signal, deadline, peer, replyHeaders, replyTrailers }
  const requests = createQueue<unknown>({
    full: (full) => (full ? wire.pause() : wire.resume()),
    left: () => {},
  })
  let givenUp: (reason: RpcError) => void = () => {}
  const aborted = new Promise<never>((_, reject) => {
    givenUp = reject
  })
  aborted.catch(() => {})
  const callOff = deadline === undefined ? () => {} : systemClock.after(Math.max(1, deadline - performance.now()), () => abort(late()))
  let headersSent = false
  let over = false
  let ended = false

  /** Nothing more after the last one: handlers go on after their deadline, and the caller would take it for the answer to its next call. */
  function reply(fields: readonly string[], body: Uint8Array, last: boolean): Promise<void> | undefined {
    if (over) return undefined
    over = last
    return send(fields, body, last)
  }

  function late(): RpcError {
    return new RpcError('deadline_exceeded', `deadline of ${method.path} passed`)
  }

  function abort(reason: RpcError): void {
    controller.abort(reason)
    requests.end(reason)
    givenUp(reason)
  }

  function fieldsOf(last: boolean, metadata?: RpcError['metadata']): string[] {
    const fields: string[] = []
    if (!headersSent) writeMetadata(replyHeaders, fields)
    headersSent = true
    if (last) writeMetadata([...replyTrailers, ...(metadata ?? [])], fields, 'trailer-')
    return fields
  }

  async function run(): Promise<void> {
    try {
      if (codecs === undefined) throw new RpcError('invalid_argument', `${method.path} does not speak ${fieldOf(message, 'content-type')}`)
      if (deadline !== undefined && deadline <= performance.now()) throw late()
      await Promise.race([handle(codecs), aborted])
    } catch (thrown) {
      const error = toReply(thrown)
      void reply([...errorFields(error), 'Micro-Error', writeError(method.service, error)], nothing, true)
    } finally {
      callOff()
      // What nobody reads any more must not hold back its caller, whose end would not be noticed either.
      void requests[Symbol.asyncIterator]().return?.()
    }
  }

  function errorFields(error: RpcError): string[] {
    try {
      return fieldsOf(true, error.outbound ? [] : error.metadata)
    } catch {
      return []
    }
  }

  async function handle({ input, output }: MessageCodecs): Promise<void> {
    const response = await route.endpoint(await requestOf(input), context)
    if (!streamsResponse(method.kind)) {
      const body = output.encode(response)
      void reply(fieldsOf(true), body, method.kind === 'unary')
    } else await sendAll(response as AsyncIterable<unknown>, output)
    if (method.kind !== 'unary') void reply([...fieldsOf(true), 'Micro-Error', endOfStream], nothing, true)
  }

  async function sendAll(responses: AsyncIterable<unknown>, output: MessageCodecs['output']): Promise<void> {
    for await (const one of responses) {
      if (controller.signal.aborted) return
      await reply(fieldsOf(false), output.encode(one), false)
    }
  }

  async function requestOf(input: MessageCodecs['input']): Promise<unknown> {
    if (method.kind === 'unary') return input.decode(message.body)
    const decoded = { [Symbol.asyncIterator]: () => decoding(requests[Symbol.asyncIterator](), input) }
    if (streamsRequest(method.kind)) return decoded
    const { done, value } = await decoded[Symbol.asyncIterator]().next()
    if (done) throw new RpcError('invalid_argument', `${method.path} was called without a request`)
    return value
  }

  return {
    done: run(),
    get ended() {
      return ended
    },
    take(more, refused) {
      const error = fieldOf(more, 'micro-error')
      ended ||= Boolean(error)
      if (refused !== undefined) requests.end(refused)
      else if (!error) requests.push(more)
      else requests.end(error === endOfStream ? undefined : new RpcError('canceled', readError(error, new Headers()).rawMessage))
    },
    abort,
  }
}

function decoding(messages: AsyncIterator<unknown>, input: MessageCodecs['input']): AsyncIterator<unknown> {
  return {
    async next() {
      const { done, value } = await messages.next()
      return done ? { done, value: undefined } : { done: false, value: input.decode((value as HttpMessage).body) }
    },
    async return() {
      await messages.return?.()
      return { done: true, value: undefined }
    },
  }
}

/** `Timeout` is in nanoseconds. */
function deadlineOf(message: HttpMessage, came: number): number | undefined {
  const timeout = Number(fieldOf(message, 'timeout'))
  return timeout > 0 && Number.isFinite(timeout) ? came + timeout / 1e6 : undefined
}
