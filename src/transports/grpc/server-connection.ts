import type { Socket } from 'node:net'
import { peerAddress } from '../../address.ts'
import { RpcError } from '../../error.ts'
import { Connection as Http2Connection, type Streams } from '../../http2/connection.ts'
import type { Block } from '../../http2/decoder.ts'
import { ErrorCode, type Fault, fault } from '../../http2/fault.ts'
import type { ReceiveWindow } from '../../http2/window.ts'
import type { Routes } from '../../transport.ts'
import { admission } from './admission.ts'
import { Deadlines } from './deadlines.ts'
import { Gate } from './gate.ts'
import { messageEnd, prefixLength } from './inbox.ts'
import { type Aging, Lifetime } from './lifetime.ts'
import { notGrpc } from './not-grpc.ts'
import type { Settings } from './options.ts'
import { Replies, type ReplyHost } from './replies.ts'
import { type RequestHead, requestParser } from './request-head.ts'
import { Ring } from './ring.ts'
import { type Pool, Room } from './room.ts'
import { type CallHost, ServerCall } from './server-call.ts'

const deadlines = new Deadlines()

/** One connection of a server, and the calls on it. */
export class ServerConnection implements Streams<RequestHead>, CallHost, ReplyHost, Aging {
  readonly settings: Settings
  readonly peer: string
  readonly http2: Http2Connection<RequestHead>
  readonly #calls = new Ring<ServerCall>()
  /** Handlers that go on for calls that have ended. They count as calls: a peer cannot start any number by resetting them. */
  #orphans = 0
  /** Calls whose handlers may still send messages. */
  #sending = 0
  #draining = false
  readonly room: Room
  readonly gate: Gate
  readonly replies: Replies
  readonly #lifetime: Lifetime

  constructor(socket: Socket, routes: Routes, settings: Settings, pool: Pool) {
    const { maxBufferBytes } = settings.server
    this.settings = settings
    this.peer = peerAddress(socket)
    this.http2 = new Http2Connection<RequestHead>(socket, this, {
      server: true,
      parse: requestParser(routes),
      streamWindow: settings.streamWindow,
      connectionWindow: settings.connectionWindow,
      maxConcurrentStreams: settings.maxConcurrentStreams,
      maxHeaderListSize: settings.maxHeaderBytes,
      // Less may be on its way to a peer that reads.
      limits: { ...settings.server, maxUnreadBytes: Math.max(1_048_576, maxBufferBytes) },
    })
    this.room = new Room(settings.connectionWindow + maxBufferBytes / 2, maxBufferBytes / 2, pool)
    this.gate = new Gate(this.http2.sender, maxBufferBytes, pool)
    this.replies = new Replies(this.http2, settings, this.gate, this)
    this.#lifetime = new Lifetime(settings.server, this, this.http2)
    this.http2.sender.onIdle = () => {
      if (this.#draining) this.#closeIfIdle()
    }
    this.http2.begin()
  }

  get calls(): number {
    return this.#calls.size + this.http2.sender.size
  }

  get begun(): number {
    return this.http2.ids.last
  }

  /** Takes no new calls and closes when those under way have ended; those whose requests are on their way here are still taken. */
  drain(why = 'server is stopping'): void {
    if (this.http2.closed) return
    this.http2.goaway(0x7fffffff, ErrorCode.noError, why)
    const last = (): void => {
      if (this.#draining || this.http2.closed) return
      this.#draining = true
      this.http2.ids.limit = this.http2.ids.last
      this.http2.goaway(this.http2.ids.last, ErrorCode.noError, why)
      this.#closeIfIdle()
    }
    this.http2.ping(last)
    setTimeout(last, 1000).unref()
  }

  /** Ends everything now. */
  destroy(why = 'server has stopped'): void {
    if (this.http2.closed) return
    this.http2.goaway(this.http2.ids.last, ErrorCode.noError, why)
    this.http2.close(fault(ErrorCode.noError, why), true)
  }

  whole(id: number, block: Block<RequestHead>, from: Buffer, start: number, end: number): void {
    const call = this.#admit(id, block, true)
    if (call === undefined) {
      this.http2.release(end - start, id, undefined)
      return
    }
    if (call.streams || call.head.http !== 0 || messageEnd(from, start, end, this.settings) !== end) {
      call.begin()
      call.data(from, start, end, true)
      return
    }
    this.http2.release(end - start, id, undefined)
    call.handleWhole(from, start + prefixLength, end)
  }

  opened(id: number, block: Block<RequestHead>, ended: boolean): void {
    const call = this.#admit(id, block, ended)
    call?.begin()
    if (ended) call?.data(empty, 0, 0, true)
  }

  /** A call for the stream, or undefined when it has been answered right away. */
  #admit(id: number, { head, size }: Block<RequestHead>, ended: boolean): ServerCall | undefined {
    const { maxHeaderBytes, maxConcurrentStreams } = this.settings
    // Answers that wait for the peer's windows count as well.
    if (this.#calls.size + this.#orphans + this.http2.sender.size - this.#sending >= maxConcurrentStreams) {
      this.http2.reset(id, ErrorCode.refusedStream)
      return undefined
    }
    const taken = admission(head, size, maxHeaderBytes)
    if (!(taken instanceof RpcError)) {
      const call = new ServerCall(this, id, head, taken)
      this.#calls.add(call)
      if (head.timeout !== Number.POSITIVE_INFINITY && taken !== notGrpc) deadlines.add(call, head.timeout)
      return call
    }
    this.replies.reject(id, head, taken)
    if (!ended) this.http2.reset(id, ErrorCode.noError)
    return undefined
  }

  isOpen(id: number): boolean {
    return this.#calls.get(id)?.requestEnded === false
  }

  /** gRPC's requests have no trailers; they only end the stream. */
  headers(id: number): void {
    this.#calls.get(id)?.data(empty, 0, 0, true)
  }

  data(id: number, from: Buffer, start: number, end: number, ended: boolean): boolean {
    const call = this.#calls.get(id)
    if (call === undefined || call.requestEnded) return false
    call.data(from, start, end, ended)
    return true
  }

  credit(id: number, increment: number): boolean {
    const call = this.#calls.get(id)
    if (call === undefined) return true
    call.credit += increment
    return call.credit + this.http2.peer.initialWindow <= 0x7fffffff
  }

  wasReset(id: number, code: number, byPeer: boolean): void {
    const call = this.#calls.get(id)
    if (call === undefined) return
    const why = byPeer ? 'the caller gave up' : `the caller broke HTTP/2's rules (${code})`
    this.over(call, new RpcError('canceled', why))
  }

  settled(): void {
    this.#lifetime.begin()
  }

  drained(): void {}

  /** A client that goes away closes the connection when its calls have ended. */
  goaway(): void {}

  closed(reason: Fault): void {
    this.#lifetime.end()
    for (const call of this.#calls.all())
      this.over(call, new RpcError('canceled', `connection of the caller ${this.peer} was lost: ${reason.message}`))
    this.gate.close()
  }

  turnAway(call: ServerCall): void {
    this.http2.reset(call.id, ErrorCode.refusedStream)
    this.over(call, new RpcError('canceled', 'the caller does not take the answers it has asked for'))
  }

  refuse(call: ServerCall, code: number): void {
    this.http2.streamError(call.id, code)
  }

  release(bytes: number, id: number, window: ReceiveWindow | undefined, onStream?: number): void {
    if (!this.http2.closed) this.http2.release(bytes, id, window, onStream)
  }

  handled(): void {
    this.#orphans--
  }

  sends(): void {
    this.#sending++
  }

  over(call: ServerCall, reason?: RpcError): void {
    this.#calls.delete(call.id)
    if (call.opened) this.#sending--
    if (!call.requestEnded && reason?.code !== 'canceled') this.#leaveRequest(call.id)
    call.end(reason)
    if (call.handling) this.#orphans++
    if (this.#draining) this.#closeIfIdle()
  }

  /** Lets the rest of a request not come, unless its answer is still on its way. */
  #leaveRequest(id: number): void {
    const { closed, sender, ids } = this.http2
    if (!closed && sender.get(id) === undefined && !ids.isReset(id)) this.http2.reset(id, ErrorCode.noError)
  }

  #closeIfIdle(): void {
    if (this.#calls.size === 0 && this.http2.sender.size === 0 && !this.http2.closed)
      this.http2.close(fault(ErrorCode.noError, 'server has stopped'), true)
  }
}

const empty = Buffer.alloc(0)
