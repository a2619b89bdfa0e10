import type { Context } from '../../endpoint.ts'
import { type Code, RpcError, type RpcErrorOptions } from '../../error.ts'
import type { Headers } from '../../headers.ts'
import type { Block } from '../../http2/decoder.ts'
import { ErrorCode, errorName } from '../../http2/fault.ts'
import { ReceiveWindow } from '../../http2/window.ts'
import type { Method } from '../../service.ts'
import type { DeadlineList, Timed } from './deadlines.ts'
import { Inbox, messageEnd, prefixLength, readMessage } from './inbox.ts'
import { MessageStream, type StreamOwner } from './message-stream.ts'
import { readMetadata } from './metadata.ts'
import type { Settings } from './options.ts'
import type { Pump } from './pump.ts'
import { isGrpc, type ResponseHead } from './response-head.ts'
import { codeOfHttp2Error, codeOfHttpStatus, errorOfStatus } from './status.ts'

/** What a call needs of its connection. */
export interface CallHost {
  readonly settings: Settings
  /** Tells the peer that nothing more is wanted on the stream. */
  resetStream(id: number, code: number): void
  /** Gives room for received bytes back, see {@link StreamOwner.release}. */
  release(bytes: number, id: number, window: ReceiveWindow | undefined, onStream?: number): void
  /** The call is over. */
  done(call: ClientCall): void
}

const noMessage = Symbol('no message')

/** One call, from being made to its status. Streams keep more than unary calls do, in `stream` and `window`. */
export class ClientCall implements Timed, StreamOwner<unknown> {
  id = 0
  readonly method: Method
  readonly context: Context
  /** The message or messages to send. */
  readonly request: unknown
  /** Its answer is a stream. */
  readonly streams: boolean
  /** How many writes the connection had made when the call's HEADERS were put into its output. */
  batch = -1
  ended = false
  /** Sends the request's messages, if it is a stream. */
  pump: Pump | undefined
  deadline: number = Number.POSITIVE_INFINITY
  list: DeadlineList | undefined
  earlier: Timed | undefined
  later: Timed | undefined
  readonly #host: CallHost
  readonly #resolve: (response: unknown) => void
  readonly #reject: (error: RpcError) => void
  #answered = false
  /** How the answer's messages may be compressed. */
  #encoding = ''
  #response: unknown = noMessage
  #inbox: Inbox | undefined
  #stream: MessageStream<unknown> | undefined
  #window: ReceiveWindow | undefined
  #onAbort: (() => void) | undefined

  constructor(host: CallHost, request: unknown, context: Context, resolve: (response: unknown) => void, reject: (error: RpcError) => void) {
    this.#host = host
    this.#resolve = resolve
    this.#reject = reject
    this.method = context.method
    this.context = context
    this.request = request
    this.streams = this.method.kind === 'serverStream' || this.method.kind === 'bidi'
  }

  /** Follows the caller's signal. False when that is aborted already; then the call has ended. */
  watch(signal: AbortSignal): boolean {
    const onAbort = (): void => {
      const { code, rawMessage } = RpcError.from(signal.reason, 'canceled')
      this.cancel(code, rawMessage, { cause: signal.reason })
    }
    if (signal.aborted) {
      onAbort()
      return false
    }
    this.#onAbort = onAbort
    signal.addEventListener('abort', onAbort, { once: true })
    return true
  }

  expire(): void {
    this.cancel('deadline_exceeded', `no answer from ${this.method.path} by the deadline`)
  }

  /** Headers or trailers came. */
  headers({ head, size }: Block<ResponseHead>, ended: boolean): void {
    const { maxHeaderBytes } = this.#host.settings
    if (size > maxHeaderBytes) {
      this.cancel('resource_exhausted', `headers of ${size} bytes are over the limit of ${maxHeaderBytes} (maxHeaderBytes)`)
    } else if (this.#answered || (ended && head.code !== -1)) {
      if (ended) this.#trailers(head)
      else this.cancel('internal', 'headers came twice')
    } else if (ended || head.http < 100 || head.http > 199) this.#answer(head, ended)
  }

  #answer(head: ResponseHead, ended: boolean): void {
    if (head.http !== 200 || !isGrpc(head.contentType)) {
      const what = head.http === 200 ? `content-type ${head.contentType || 'none'}` : `HTTP status ${head.http}`
      const code = head.http === 200 ? 'unknown' : codeOfHttpStatus(head.http)
      this.cancel(code, `${this.method.path} was not answered by gRPC: ${what}`)
      return
    }
    if (ended) {
      this.fail(new RpcError('internal', 'the answer ended without a status', { outbound: true }))
      return
    }
    this.#answered = true
    this.#encoding = head.encoding
    if (this.#tell(this.context.onHeaders, head) && this.streams) this.#open()
  }

  /** Tells the caller of headers or trailers. False when the call has ended with that. */
  #tell(listener: Context['onHeaders'], head: ResponseHead): boolean {
    try {
      listener?.(readMetadata(head.metadata))
    } catch (thrown) {
      const { code, rawMessage } = RpcError.from(thrown)
      this.cancel(code, rawMessage, { cause: thrown })
    }
    return !this.ended
  }

  #open(): MessageStream<unknown> {
    const stream = new MessageStream<unknown>(this, this.#host.settings, this.#encoding)
    this.#stream = stream
    this.#resolve(stream)
    return stream
  }

  /** Part of the body came. */
  data(from: Buffer, start: number, end: number, ended: boolean): void {
    if (!this.#answered) {
      this.#host.release(end - start, this.id, undefined)
      this.cancel('internal', 'data came before headers')
    } else if (this.#stream !== undefined) this.#streamData(this.#stream, from, start, end)
    else if (this.#inbox === undefined && this.#response === noMessage && messageEnd(from, start, end, this.#host.settings) === end) {
      this.#host.release(end - start, this.id, undefined)
      this.#message(from, start + prefixLength, end, false)
    } else this.#unaryData(from, start, end)
    if (ended && !this.ended) this.fail(new RpcError('internal', 'the answer ended without a status', { outbound: true }))
  }

  #streamData(stream: MessageStream<unknown>, from: Buffer, start: number, end: number): void {
    this.#window ??= new ReceiveWindow(this.#host.settings.streamWindow)
    if (this.#window.receive(end - start)) stream.push(from, start, end)
    else {
      this.#host.release(end - start, this.id, undefined)
      this.cancel('internal', 'the peer sent more than the window allows', {}, ErrorCode.flowControlError)
    }
  }

  /** Somebody waits for the message, so that its parts need no room; the limit bounds them. */
  #unaryData(from: Buffer, start: number, end: number): void {
    this.#window ??= new ReceiveWindow(this.#host.settings.streamWindow)
    this.#window.receive(end - start)
    this.#host.release(end - start, this.id, this.#window)
    this.#inbox ??= new Inbox(this.#host.settings, this.#encoding)
    this.#inbox.push(from, start, end)
    try {
      while (!this.ended && this.#inbox.next()) this.#message(this.#inbox.from, this.#inbox.start, this.#inbox.end, this.#inbox.own)
      if (this.#inbox.length === 0) this.#inbox.rest()
    } catch (thrown) {
      const { code, rawMessage } = RpcError.from(thrown)
      this.cancel(code, rawMessage)
    }
  }

  #message(from: Buffer, start: number, end: number, own: boolean): void {
    if (this.#response !== noMessage) {
      this.cancel('unimplemented', `${this.method.path} was answered with more than one message`)
      return
    }
    try {
      this.#response = this.decode(from, start, end, own)
    } catch (thrown) {
      const { code, rawMessage, cause } = RpcError.from(thrown)
      this.cancel(code, rawMessage, { cause })
    }
  }

  #trailers(head: ResponseHead): void {
    const error = head.code === 0 ? this.#missing() : this.#errorOf(head)
    if (!this.#tell(this.context.onTrailers, head)) return
    if (error === undefined && this.streams && this.#stream === undefined) this.#open()
    this.#end()
    if (error !== undefined) this.#failed(error)
    else if (this.#stream === undefined) this.#resolve(this.#response)
    else {
      this.#stream.releaseAll()
      this.#stream.end()
    }
  }

  #errorOf(head: ResponseHead): RpcError {
    if (head.code === -1) return new RpcError('internal', 'the answer ended without a status', { outbound: true })
    return errorOfStatus(head, head.metadata.length === 0 ? noHeaders : readMetadata(head.metadata))
  }

  /** What is missing for success. The code is what gRPC has for it: https://github.com/grpc/grpc/blob/master/doc/statuscodes.md */
  #missing(): RpcError | undefined {
    if (this.streams || this.#response !== noMessage) return undefined
    return new RpcError('unimplemented', `${this.method.path} was answered with success and no message`, { outbound: true })
  }

  /** The stream was reset. */
  wasReset(code: number, byPeer: boolean): void {
    const text = byPeer ? `the peer reset the stream: ${errorName(code)}` : `the peer broke HTTP/2's rules: ${errorName(code)}`
    const why = codeOfHttp2Error(code)
    // The peer's clock for the deadline may be a little ahead of this side's timer, as in grpc-go, which then resets.
    if (why === 'canceled' && byPeer && performance.now() >= this.deadline) this.expire()
    else this.fail(new RpcError(why, text, { outbound: true, unprocessed: byPeer && code === ErrorCode.refusedStream }))
  }

  /** Ends the call from this side, telling the peer. Unprocessed when it was not sent, unless `options` say otherwise. */
  cancel(code: Code, text: string, options: RpcErrorOptions = {}, http2: number = ErrorCode.cancel): void {
    if (this.ended) return
    const sent = this.id !== 0
    if (sent) this.#host.resetStream(this.id, http2)
    this.#end()
    const error = new RpcError(code, text, { ...options, outbound: true, unprocessed: options.unprocessed ?? !sent })
    this.#stream?.fail(error)
    this.#reject(error)
  }

  /** Ends the call with an error; messages that came before it can still be read. */
  fail(error: RpcError): void {
    if (this.ended) return
    this.#end()
    this.#failed(error)
  }

  #failed(error: RpcError): void {
    this.#stream?.releaseAll()
    this.#stream?.end(error)
    this.#reject(error)
  }

  #end(): void {
    this.ended = true
    this.list?.remove(this)
    if (this.#onAbort !== undefined) this.context.signal?.removeEventListener('abort', this.#onAbort)
    this.pump?.stop()
    this.#inbox?.clear()
    this.#host.done(this)
  }

  decode(from: Buffer, start: number, end: number, own: boolean): unknown {
    try {
      return readMessage(this.method.output, from, start, end, own)
    } catch (thrown) {
      const { rawMessage } = RpcError.from(thrown)
      throw new RpcError('internal', `answer of ${this.method.path} cannot be read: ${rawMessage}`, { cause: thrown, outbound: true })
    }
  }

  release(bytes: number, onStream?: number): void {
    this.#host.release(bytes, this.id, this.ended ? undefined : this.#window, onStream)
  }

  left(error?: RpcError): void {
    this.cancel(error?.code ?? 'canceled', error?.rawMessage ?? 'the stream was left before its end')
  }
}

const noHeaders: Headers = readMetadata([])
