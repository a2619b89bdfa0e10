import { RpcError } from '../../error.ts'
import { ErrorCode } from '../../http2/fault.ts'
import { ReceiveWindow } from '../../http2/window.ts'
import { streamsResponse } from '../../stream.ts'
import type { Route } from '../../transport.ts'
import { sendAnswers } from './answers.ts'
import type { DeadlineList, Timed } from './deadlines.ts'
import type { Gate, Gated } from './gate.ts'
import { type Inbox, prefixLength, readMessage } from './inbox.ts'
import { MessageStream, type StreamOwner } from './message-stream.ts'
import type { Settings } from './options.ts'
import { checkIterable, type Pump } from './pump.ts'
import type { Replies } from './replies.ts'
import type { RequestHead } from './request-head.ts'
import { type Room, Share } from './room.ts'
import { ServerContext } from './server-context.ts'
import { SoleRequest, type SoleRequestOwner } from './sole-request.ts'

/** What a call needs of its connection. */
export interface CallHost {
  readonly settings: Settings
  readonly peer: string
  readonly room: Room
  readonly gate: Gate
  readonly replies: Replies
  /** Gives room back to the caller: so much on the connection, and as much or `onStream` on the call's stream if that has a window. */
  release(bytes: number, id: number, window: ReceiveWindow | undefined, onStream?: number): void
  /** Tells the caller that the call has not begun and does not. */
  turnAway(call: ServerCall): void
  /** Resets the call's stream for an error of the caller's. */
  refuse(call: ServerCall, code: number): void
  /** The handler is done with a call that ended before. */
  handled(): void
}

/** A request that waits for its handler to be called, and the room it takes. */
interface Parked {
  readonly request: unknown
  readonly share: Share
}

/** One call that a server has not answered in full. */
export class ServerCall implements Timed, Gated, StreamOwner<unknown>, SoleRequestOwner {
  readonly id: number
  readonly head: RequestHead
  readonly route: Route
  readonly context: ServerContext
  /** The request has been received in full. */
  requestEnded = false
  /** The answer is on its way in full, or nobody waits for it. */
  ended = false
  /** Its handler has been called and has not finished. */
  handling = false
  /** Its request is a stream. */
  readonly streams: boolean
  /** Headers have been sent. */
  opened = false
  /** More than the initial window that the peer takes, from before anything was sent. */
  credit = 0
  deadline: number
  list: DeadlineList | undefined
  earlier: Timed | undefined
  later: Timed | undefined
  readonly #host: CallHost
  #received = 0
  /** The handler reads no more of its request, or there is none. */
  #discards: boolean
  #window: ReceiveWindow | undefined
  #request: SoleRequest | undefined
  #requests: MessageStream<unknown> | undefined
  /** What the call waits with until its handler may be called. */
  #parked: Parked | undefined
  #answers: Pump | undefined

  constructor(host: CallHost, id: number, head: RequestHead, route: Route) {
    this.#host = host
    this.id = id
    this.head = head
    this.route = route
    this.#discards = head.http !== 0
    this.streams = route.method.kind === 'clientStream' || route.method.kind === 'bidi'
    const limited = head.timeout !== Number.POSITIVE_INFINITY
    this.deadline = limited ? performance.now() + head.timeout : Number.POSITIVE_INFINITY
    this.context = new ServerContext(route.method, limited ? this.deadline : undefined, host.peer, head.metadata)
  }

  get path(): string {
    return this.route.method.path
  }

  get answersStream(): boolean {
    return streamsResponse(this.route.method.kind)
  }

  /** Begins a call whose request is not there yet. */
  begin(): void {
    if (!this.streams) return
    this.#requests = new MessageStream<unknown>(this, this.#host.settings, this.head.encoding, this.#host.room)
    try {
      this.#handle(this.#requests, 0)
    } catch (thrown) {
      this.fail(thrown)
    }
  }

  /** Part of the request came. */
  data(from: Buffer, start: number, end: number, ended: boolean): void {
    this.#window ??= new ReceiveWindow(this.#host.settings.streamWindow)
    this.#received += end - start
    if (ended && this.head.contentLength !== -1 && this.head.contentLength !== this.#received) {
      this.#host.release(end - start, this.id, undefined)
      this.#host.refuse(this, ErrorCode.protocolError)
      return
    }
    if (!this.#window.receive(end - start)) {
      this.#host.release(end - start, this.id, undefined)
      this.#host.refuse(this, ErrorCode.flowControlError)
      return
    }
    this.requestEnded = ended
    if (this.#discards) this.#host.release(end - start, this.id, undefined)
    else if (this.#requests !== undefined) this.#requests.push(from, start, end)
    else {
      this.#host.release(end - start, this.id, undefined)
      this.#request ??= new SoleRequest(this, this.#host.settings, this.head.encoding, this.#host.room)
      this.#request.push(from, start, end, ended)
    }
    if (!ended) return
    this.#requests?.end()
    if (this.head.http !== 0) this.#host.replies.answerHttp(this)
  }

  goOn(bytes: number): void {
    this.#host.release(0, this.id, this.#window, bytes)
  }

  handleFound(inbox: Inbox): void {
    const bytes = inbox.end - inbox.start
    const request = this.decode(inbox.from, inbox.start, inbox.end, inbox.own)
    inbox.rest()
    this.#handle(request, bytes)
  }

  fail(thrown: unknown): void {
    this.#host.replies.fail(this, thrown)
  }

  /** Handles a request whose bytes are only valid during the call. */
  handleWhole(from: Buffer, start: number, end: number): void {
    this.requestEnded = true
    if (this.head.contentLength !== -1 && this.head.contentLength !== end - start + prefixLength) {
      this.#host.refuse(this, ErrorCode.protocolError)
      return
    }
    try {
      this.#handle(this.decode(from, start, end, false), end - start)
    } catch (thrown) {
      this.fail(thrown)
    }
  }

  /** Calls the handler with a request of so many bytes, or has it wait. */
  #handle(request: unknown, bytes: number): void {
    const { gate, room } = this.#host
    if (gate.passes()) {
      this.#call(request)
      return
    }
    const share = new Share(room)
    share.hold(bytes)
    this.#parked = { request, share }
    gate.wait(this)
  }

  start(): void {
    this.#call(this.#unpark())
  }

  turnAway(): void {
    this.#host.turnAway(this)
  }

  #unpark(): unknown {
    const { request, share } = this.#parked as Parked
    this.#parked = undefined
    share.end(0)
    return request
  }

  #call(request: unknown): void {
    // From before the call on, which may end within it.
    this.handling = true
    let answer: Promise<unknown>
    try {
      answer = this.route.endpoint(request, this.context)
    } catch (error) {
      this.#handled()
      this.fail(error)
      return
    }
    answer.then(
      (response) => this.#answer(response),
      (error: unknown) => {
        this.#handled()
        this.fail(error)
      },
    )
  }

  #answer(response: unknown): void {
    if (!this.answersStream) {
      this.#handled()
      this.#host.replies.answer(this, response)
      return
    }
    try {
      const messages = checkIterable(response, 'internal', `what the handler of ${this.path} returns`)
      if (this.ended) {
        // Nobody will iterate it, but it may hold something.
        Promise.resolve(messages[Symbol.asyncIterator]().return?.()).catch(() => {})
        this.#handled()
      } else this.#stream(messages)
    } catch (error) {
      this.#handled()
      this.fail(error)
    }
  }

  #stream(messages: AsyncIterable<unknown>): void {
    this.#answers = sendAnswers(this, messages, this.#host, () => this.#handled())
    // Its first step, as of a generator that reads a request which cannot be read, may have ended the call.
    if (!this.ended) return
    this.#answers.stop()
    this.#handled()
  }

  #handled(): void {
    if (!this.handling) return
    this.handling = false
    if (this.ended) this.#host.handled()
  }

  expire(): void {
    this.fail(new RpcError('deadline_exceeded', `deadline of ${this.path} passed`))
  }

  /** The call is over for its peer: answered, or with a reason why nobody waits for the answer. */
  end(reason?: RpcError): void {
    this.ended = true
    this.#discards = true
    this.list?.remove(this)
    this.#request?.clear()
    if (this.#parked !== undefined) {
      this.#host.gate.forget(this)
      this.#unpark()
    }
    if (reason !== undefined) this.context.abort(reason)
    if (this.#requests !== undefined) this.#requests.fail(reason ?? new RpcError('canceled', `${this.path} has been answered`))
    if (this.#answers === undefined) return
    this.#answers.stop()
    this.handling = false
  }

  decode(from: Buffer, start: number, end: number, own: boolean): unknown {
    return readMessage(this.head.input ?? this.route.method.input, from, start, end, own)
  }

  release(bytes: number, onStream?: number): void {
    this.#host.release(bytes, this.id, this.ended || this.requestEnded ? undefined : this.#window, onStream)
  }

  left(error?: RpcError): void {
    // A handler may stop reading and still answer.
    if (error !== undefined) this.fail(error)
    else this.#discards = true
  }
}
