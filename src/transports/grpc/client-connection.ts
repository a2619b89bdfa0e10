import { formatAddress, parseAddress } from '../../address.ts'
import type { Context } from '../../endpoint.ts'
import { RpcError } from '../../error.ts'
import { Connection as Http2Connection, type Streams } from '../../http2/connection.ts'
import type { Block } from '../../http2/decoder.ts'
import { ErrorCode, errorName, type Fault, fault } from '../../http2/fault.ts'
import type { GuardLimits } from '../../http2/guard.ts'
import { connectSocket } from '../../http2/socket.ts'
import type { ReceiveWindow } from '../../http2/window.ts'
import type { ConnectionState, DialOptions } from '../../transport.ts'
import * as awaited from './awaited.ts'
import { type CallHost, ClientCall } from './client-call.ts'
import { Deadlines } from './deadlines.ts'
import { Keepalive } from './keepalive.ts'
import type { Settings } from './options.ts'
import type { PingIntervals } from './ping-intervals.ts'
import { RequestFrames } from './request-frames.ts'
import { type RequestHost, Requests } from './requests.ts'
import { parseResponseHead, type ResponseHead } from './response-head.ts'
import { Ring } from './ring.ts'
import { roundTimeout } from './timeout.ts'
import { clientTls, closedByPeer, connectProblem } from './tls.ts'

const deadlines = new Deadlines()

/** Servers may reset what they like; what brings nothing they may not send without end either. */
const serverIsTrusted: GuardLimits = {
  maxResets: 1,
  maxControlFrames: 10_000,
  minPingInterval: 0,
  pingsWithoutCalls: true,
  maxHeaderFrames: 64,
  maxUnreadBytes: 16_777_216,
}

/** Beyond so many bytes that the peer has not taken calls wait: more than messages of streams come to, which small calls are not to wait for. */
const mostUntaken = 1_048_576

/** One connection of a client, and the calls on it. */
export class ClientConnection implements Streams<ResponseHead>, CallHost, RequestHost {
  readonly address: string
  readonly settings: Settings
  state: ConnectionState = 'connecting'
  readonly #onState: DialOptions['onState']
  readonly #calls = new Ring<ClientCall>()
  /** Calls that wait for the connection, or for the peer to allow another stream or to take what was sent before, oldest first. */
  readonly #waiting = new Set<ClientCall>()
  readonly #http2: Http2Connection<ResponseHead>
  readonly #requests: Requests
  readonly #keepalive: Keepalive | undefined
  readonly #pings: PingIntervals
  /** What the peer has said was wrong. */
  #complaint = ''
  readonly #connecting: NodeJS.Timeout
  /** Streams above are not processed by the peer. */
  #lastId = 0x7fffffff
  readonly #closed: Promise<void>
  #onClosed: () => void = () => {}

  /** Begins to connect. Throws `invalid_argument` for an address that cannot be read. */
  constructor(address: string, settings: Settings, { onState }: DialOptions, pings: PingIntervals) {
    const { host, port } = parseAddress(address)
    this.address = address
    this.settings = settings
    this.#onState = onState
    this.#closed = new Promise((resolve) => {
      this.#onClosed = resolve
    })
    const socket = connectSocket(
      { host: host === '' ? 'localhost' : host, port, tls: clientTls(settings.tls?.read()) },
      {
        open: () => this.#http2.begin(),
        data: (chunk, length) => this.#http2.receive(chunk, 0, length),
        gone: (error) => this.#http2.close(fault(ErrorCode.noError, error?.message ?? closedByPeer, error)),
      },
    )
    socket.unref()
    this.#http2 = new Http2Connection<ResponseHead>(socket, this, {
      server: false,
      parse: parseResponseHead,
      streamWindow: settings.streamWindow,
      connectionWindow: settings.connectionWindow,
      maxConcurrentStreams: 0,
      maxHeaderListSize: settings.maxHeaderBytes,
      limits: serverIsTrusted,
    })
    const scheme = settings.tls === undefined ? 'http' : 'https'
    const frames = new RequestFrames(this.#http2.encoder, scheme, formatAddress(host === '' ? 'localhost' : host, port), settings)
    this.#requests = new Requests(this.#http2, frames, this)
    this.#pings = pings
    const keepalive = pings.of(address)
    this.#keepalive = keepalive && new Keepalive(keepalive, this.#http2, () => this.#lost('no answer to a keepalive PING'))
    this.#connecting = setTimeout(() => this.#lost(`not connected within ${settings.connectTimeout} ms`), settings.connectTimeout).unref()
  }

  /** Makes a call. */
  call(request: unknown, context: Context): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const call = new ClientCall(this, request, context, resolve, reject)
      if (context.background !== true) awaited.begun()
      if (this.state === 'draining' || this.state === 'closed') {
        call.fail(this.#unavailable(`connection to ${this.address} is ${this.state}`, true))
        return
      }
      if (context.signal !== undefined && !call.watch(context.signal)) return
      const left = context.deadline === undefined ? Number.POSITIVE_INFINITY : this.#time(call, context.deadline)
      if (left <= 0) return
      if (this.state === 'ready' && this.#mayStart()) this.#start(call, left)
      else this.#wait(call)
    })
  }

  #wait(call: ClientCall): void {
    this.#waiting.add(call)
    // Nothing else may be under way that would find out about a peer that takes nothing any more.
    if (this.#full) this.#keepalive?.watch()
  }

  /** Takes no new calls, lets those under way finish for `drain` milliseconds. */
  close(drain: number): Promise<void> {
    if (this.state === 'closed') return this.#closed
    this.#drain(new RpcError('canceled', `connection to ${this.address} was closed`))
    const destroy = (): void => this.#http2.close(fault(ErrorCode.noError, 'it was closed by this side'))
    if (drain <= 0) destroy()
    else {
      const over = setTimeout(destroy, Math.min(drain, 0x7fffffff)).unref()
      // A connection is not to be kept by what can still happen to it.
      void this.#closed.then(() => clearTimeout(over))
    }
    this.#closeIfIdle()
    return this.#closed
  }

  /** Holds a call to its deadline; returns the milliseconds that are left. Without any it has ended. */
  #time(call: ClientCall, deadline: number): number {
    const left = deadline - performance.now()
    if (left <= 0) call.expire()
    else if (left !== Number.POSITIVE_INFINITY) {
      call.deadline = deadline
      deadlines.add(call, left)
    }
    return left
  }

  #start(call: ClientCall, left: number): void {
    try {
      this.#requests.send(call, left === Number.POSITIVE_INFINITY ? 0 : roundTimeout(left))
    } catch (thrown) {
      const { code, rawMessage, details, cause } = RpcError.from(thrown, 'internal')
      // It would fail anywhere else too.
      call.cancel(code, rawMessage, { details, cause, unprocessed: false })
    }
    if (call.id >= 0x7ffffff0) this.#drain(this.#unavailable(`connection to ${this.address} has no stream ids left`, true))
  }

  register(call: ClientCall): void {
    call.id = this.#http2.ids.next()
    call.batch = this.#http2.output.writes
    this.#calls.add(call)
    if (this.#calls.size === 1) this.#keepalive?.watch()
  }

  done(call: ClientCall): void {
    if (call.context.background !== true) awaited.settled()
    if (call.id === 0) {
      this.#waiting.delete(call)
      this.#restIfIdle()
      return
    }
    this.#calls.delete(call.id)
    if (this.#http2.sender.get(call.id) !== undefined && !this.#http2.closed) this.#http2.reset(call.id, ErrorCode.noError)
    if (this.#waiting.size > 0) this.#startWaiting()
    this.#restIfIdle()
    this.#closeIfIdle()
  }

  #restIfIdle(): void {
    if (this.#calls.size > 0 || (this.#waiting.size > 0 && this.#full)) return
    this.#keepalive?.rest()
  }

  /** The peer has to take something first. */
  get #full(): boolean {
    return this.#http2.output.waiting > mostUntaken
  }

  #mayStart(): boolean {
    return this.#calls.size < this.#http2.peer.maxConcurrentStreams && !this.#full
  }

  #startWaiting(): void {
    if (this.state !== 'ready') return
    for (const call of this.#waiting) {
      if (!this.#mayStart()) return
      this.#waiting.delete(call)
      this.#start(call, call.deadline - performance.now())
    }
  }

  /** Takes no new calls; those that wait have to go elsewhere. */
  #drain(cause: RpcError): void {
    this.#enter('draining', cause)
    for (const call of this.#waiting) call.fail(this.#unavailable(cause.rawMessage, true))
  }

  #closeIfIdle(): void {
    if (this.state === 'draining' && this.#calls.size === 0) this.#http2.close(fault(ErrorCode.noError, 'it was drained'))
  }

  get calls(): number {
    return this.#calls.size
  }

  resetStream(id: number, code: number): void {
    if (!this.#http2.closed) this.#http2.reset(id, code)
  }

  wasReset(id: number, code: number, byPeer: boolean): void {
    this.#calls.get(id)?.wasReset(code, byPeer)
  }

  release(bytes: number, id: number, window: ReceiveWindow | undefined, onStream?: number): void {
    if (!this.#http2.closed) this.#http2.release(bytes, id, window, onStream)
  }

  opened(): void {}

  whole(): void {}

  isOpen(id: number): boolean {
    return this.#calls.get(id) !== undefined
  }

  headers(id: number, block: Block<ResponseHead>, ended: boolean): void {
    this.#calls.get(id)?.headers(block, ended)
  }

  data(id: number, from: Buffer, start: number, end: number, ended: boolean): boolean {
    const call = this.#calls.get(id)
    call?.data(from, start, end, ended)
    return call !== undefined
  }

  /** All that could be sent has been. */
  credit(): boolean {
    return true
  }

  settled(): void {
    if (this.state === 'connecting') {
      clearTimeout(this.#connecting)
      this.#enter('ready')
    }
    this.#startWaiting()
  }

  drained(): void {
    this.#startWaiting()
  }

  goaway(last: number, code: number, text: string): void {
    this.#lastId = Math.min(this.#lastId, last)
    if (code === ErrorCode.enhanceYourCalm && text === 'too_many_pings') this.#pings.tooMany(this.address)
    if (code !== 0) this.#complaint = ` after ${errorName(code)} ${text}`
    const why = `${this.address} takes no more calls on this connection${this.#complaint}`
    this.#drain(this.#unavailable(why, true))
    for (const call of this.#calls.all()) if (call.id > this.#lastId) call.fail(this.#unavailable(why, true))
    this.#closeIfIdle()
  }

  #lost(why: string): void {
    this.#http2.close(fault(ErrorCode.noError, why))
  }

  closed(reason: Fault): void {
    clearTimeout(this.#connecting)
    this.#keepalive?.end()
    const { writes } = this.#http2.output
    const text =
      this.state === 'connecting'
        ? connectProblem(this.address, reason, this.settings.tls !== undefined)
        : `connection to ${this.address} was lost${this.#complaint}: ${reason.message}`
    this.#enter('closed', new RpcError('unavailable', text, { cause: reason.cause ?? reason, outbound: true }))
    // What waited in the output is dropped, unless last words had to go out.
    const dropped = reason.http2 === ErrorCode.noError
    for (const call of this.#calls.all()) call.fail(this.#unavailable(text, dropped && call.batch === writes, reason))
    for (const call of this.#waiting) call.fail(this.#unavailable(text, true, reason))
    this.#onClosed()
  }

  #unavailable(text: string, unprocessed: boolean, cause?: Error): RpcError {
    return new RpcError('unavailable', text, { outbound: true, unprocessed, ...(cause && { cause: cause.cause ?? cause }) })
  }

  #enter(state: ConnectionState, cause?: RpcError): void {
    if (this.state === state || this.state === 'closed') return
    this.state = state
    this.#onState?.(state, cause)
  }
}
