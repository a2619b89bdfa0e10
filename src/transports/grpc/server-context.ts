import type { Context } from '../../endpoint.ts'
import { RpcError } from '../../error.ts'
import { Headers } from '../../headers.ts'
import type { Instance } from '../../registry.ts'
import type { Method } from '../../service.ts'
import { readMetadata } from './metadata.ts'

/** What a handler gets beside the message. Most handlers look at nothing of it, so that everything is made when it is first read. */
export class ServerContext implements Context {
  readonly method: Method
  readonly deadline: number | undefined
  readonly peer: string
  readonly onHeaders: undefined
  readonly onTrailers: undefined
  readonly tried: undefined
  readonly background: undefined
  instance: Instance | undefined
  /** Headers to reply with, as far as a handler has made some. */
  madeHeaders: Headers | undefined
  madeTrailers: Headers | undefined
  readonly #metadata: readonly string[]
  #headers: Headers | undefined
  #abort: AbortController | undefined
  #reason: RpcError | undefined
  #sent = false

  constructor(method: Method, deadline: number | undefined, peer: string, metadata: readonly string[]) {
    this.method = method
    this.deadline = deadline
    this.peer = peer
    this.#metadata = metadata
  }

  get headers(): Headers {
    this.#headers ??= readMetadata(this.#metadata)
    return this.#headers
  }

  get signal(): AbortSignal {
    this.#abort ??= new AbortController()
    if (this.#reason !== undefined) this.#abort.abort(this.#reason)
    return this.#abort.signal
  }

  /** Throws `failed_precondition` when they have been sent: with the first message, or as soon as a stream had to wait for it. */
  get replyHeaders(): Headers {
    if (this.#sent)
      throw new RpcError(
        'failed_precondition',
        `headers of ${this.method.path} have been sent: set them before the stream waits for anything, or before returning it`,
      )
    this.madeHeaders ??= new Headers()
    return this.madeHeaders
  }

  get replyTrailers(): Headers {
    this.madeTrailers ??= new Headers()
    return this.madeTrailers
  }

  /** The headers are on their way. */
  headersSent(): void {
    this.#sent = true
  }

  /** Nobody waits for the answer any more. */
  abort(reason: RpcError): void {
    this.#reason ??= reason
    this.#abort?.abort(this.#reason)
  }
}
