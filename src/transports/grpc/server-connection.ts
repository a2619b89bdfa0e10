import type { Socket } from 'node:net'
import { formatAddress } from '../../address.ts'
import { RpcError } from '../../error.ts'
import type { Headers } from '../../headers.ts'
import { Connection as Http2Connection, type Streams } from '../../http2/connection.ts'
import type { Block } from '../../http2/decoder.ts'
import { ErrorCode, type Fault, fault } from '../../http2/fault.ts'
import { maxFrame } from '../../http2/frames.ts'
import type { Outgoing } from '../../http2/outgoing.ts'
import type { ReceiveWindow } from '../../http2/window.ts'
import type { Routes } from '../../transport.ts'
import { admission } from './admission.ts'
import { accepted, type Compression, compress } from './compression.ts'
import { Deadlines } from './deadlines.ts'
import { errorFields, headersBefore } from './error-reply.ts'
import { Gate } from './gate.ts'
import { messageEnd, prefixLength } from './inbox.ts'
import { type Aging, Lifetime } from './lifetime.ts'
import { writeMetadata } from './metadata.ts'
import { notGrpc, spoken } from './not-grpc.ts'
import type { Settings } from './options.ts'
import { lentMessage, pushMessage, sendMessage } from './outbox.ts'
import { overhead, ReplyFrames, replyFields, wrapReply, writeReply } from './reply-frames.ts'
import { type RequestHead, requestParser } from './request-head.ts'
import { Ring } from './ring.ts'
import { type Pool, Room } from './room.ts'
import { type ReplyHost, ServerCall } from './server-call.ts'
import { fieldsOfError, toReply } from './status.ts'

const deadlines = new Deadlines()

/** One connection of a server, and the calls on it. */
export class ServerConnection implements Streams<RequestHead>, ReplyHost, Aging {
  readonly settings: Settings
  readonly peer: string
  readonly http2: Http2Connection<RequestHead>
  readonly #calls = new Ring<ServerCall>()
  readonly #frames: ReplyFrames
  /** Handlers that go on for calls that have ended. They count as calls: a peer cannot start any number by resetting them. */
  #orphans = 0
  /** Calls whose handlers may still send messages. */
  #sending = 0
  #draining = false
  readonly room: Room
  readonly gate: Gate
  readonly #lifetime: Lifetime

  constructor(socket: Socket, routes: Routes, settings: Settings, pool: Pool) {
    const { maxBufferBytes } = settings.server
    this.settings = settings
    this.peer = formatAddress(socket.remoteAddress ?? '', socket.remotePort ?? 0)
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
    this.#lifetime = new Lifetime(settings.server, this, this.http2)
    this.#frames = new ReplyFrames(this.http2.encoder)
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
    const { timeout, encoding } = head
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
      if (timeout !== Number.POSITIVE_INFINITY && taken !== notGrpc) deadlines.add(call, timeout)
      return call
    }
    const contentType = head.contentType.startsWith('application/grpc') ? head.contentType : 'application/grpc'
    const fields = replyFields(contentType)
    // This much the protocol asks for.
    if (encoding !== '') fields.push('grpc-accept-encoding', accepted)
    this.http2.sendHeaders(id, [...fields, ...fieldsOfError(taken)], 4, true)
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
    this.#over(call, new RpcError('canceled', why))
  }

  settled(): void {
    this.#lifetime.begin()
  }

  /** A client that goes away closes the connection when its calls have ended. */
  goaway(): void {}

  closed(reason: Fault): void {
    this.#lifetime.end()
    for (const call of this.#calls.all())
      this.#over(call, new RpcError('canceled', `connection of the caller ${this.peer} was lost: ${reason.message}`))
    this.gate.close()
  }

  reply(call: ServerCall, message: unknown): void {
    if (call.ended || this.#replyInPlace(call, message)) return
    const { sender, output, peer } = this.http2
    let bytes: Uint8Array
    try {
      // What has to wait in any case is not worth encoding for nothing.
      if (!sender.allows(prefixLength, peer.initialWindow + call.credit)) this.#checkCrowd()
      bytes = this.#encode(call, message)
    } catch (error) {
      this.replyError(call, error)
      return
    }
    const { madeHeaders, madeTrailers } = call.context
    const plain = madeHeaders === undefined && madeTrailers === undefined
    const compression = this.#compressionOf(call)
    const compressed = compression && compress(bytes)
    if (
      plain &&
      compressed === undefined &&
      bytes.length < maxFrame - 1024 &&
      sender.allows(bytes.length + prefixLength, peer.initialWindow + call.credit)
    ) {
      const template = this.#frames.template(call.head.contentType)
      const start = output.reserve(overhead(template) + bytes.length)
      output.length = writeReply(output.buffer, start, template, call.id, bytes)
      sender.window -= bytes.length + prefixLength
      this.#over(call)
      return
    }
    try {
      this.#checkCrowd()
      this.gate.loaded()
      const outgoing = this.#openReply(call, compressed && compression)
      pushMessage(sender, outgoing, compressed ?? bytes, compressed === undefined ? 0 : 1)
      this.finishReply(call, outgoing)
    } catch (error) {
      this.replyError(call, error)
    }
  }

  replyHttp(call: ServerCall): void {
    const { http } = call.head
    const fields = [':status', String(http), 'content-type', 'text/plain', ...(http === 405 ? ['allow', 'POST'] : [])]
    this.http2.sendHeaders(call.id, fields, 4, false)
    const outgoing = this.http2.sender.open(call.id, this.http2.peer.initialWindow + call.credit)
    if (call.head.method !== 'HEAD') this.http2.sender.push(outgoing, spoken)
    this.http2.sender.finish(outgoing)
    this.#over(call)
  }

  /** The usual case: the message is written right into the output, between frames known from before. False when it cannot be; then nothing was sent. */
  #replyInPlace(call: ServerCall, message: unknown): boolean {
    const codec = call.head.output ?? call.route.method.output
    const { madeHeaders, madeTrailers } = call.context
    if (codec.write === undefined || madeHeaders !== undefined || madeTrailers !== undefined || this.#compressionOf(call) !== undefined)
      return false
    const template = this.#frames.kept(call.head.contentType)
    const { sender, output, peer } = this.http2
    const room = Math.min(sender.room(peer.initialWindow + call.credit), maxFrame - 1024) - prefixLength
    if (template === undefined || room < 0) return false
    const start = output.reserve(overhead(template) + room)
    const { buffer } = output
    const at = start + template.before.length
    const end = codec.write(message, buffer, at, at + Math.min(room, this.settings.maxSendBytes))
    // A message may have getters, and those may send something themselves, or end the call.
    if (end < 0 || output.buffer !== buffer || output.length !== start || call.ended) return false
    output.length = wrapReply(buffer, start, template, call.id, end)
    sender.window -= end - at + prefixLength
    this.#over(call)
    return true
  }

  /** Encodes an answer. What is wrong with it is this side's fault and not the caller's. */
  #encode(call: ServerCall, message: unknown): Uint8Array {
    try {
      return lentMessage(call.head.output ?? call.route.method.output, message, this.settings.maxSendBytes)
    } catch (thrown) {
      throw ownFault(call, thrown)
    }
  }

  #metadata(call: ServerCall, headers: Headers, fields: string[]): void {
    try {
      writeMetadata(headers, fields)
    } catch (thrown) {
      throw ownFault(call, thrown)
    }
  }

  /** How answers to a call are compressed: as this side is told to or the caller does, if the caller can read it. */
  #compressionOf({ head }: ServerCall): Compression | undefined {
    return head.gzip && (this.settings.compression === 'gzip' || head.encoding === 'gzip') ? 'gzip' : undefined
  }

  openReply(call: ServerCall): Outgoing {
    return this.#openReply(call, this.#compressionOf(call))
  }

  #openReply(call: ServerCall, compression: Compression | undefined): Outgoing {
    const fields = replyFields(call.head.contentType, compression)
    const stable = fields.length
    const { madeHeaders } = call.context
    if (madeHeaders !== undefined) this.#metadata(call, madeHeaders, fields)
    call.context.headersSent()
    call.opened = true
    this.#sending++
    this.http2.sendHeaders(call.id, fields, stable, false)
    return this.http2.sender.open(call.id, this.http2.peer.initialWindow + call.credit)
  }

  send(call: ServerCall, outgoing: Outgoing, message: unknown): void {
    this.#checkCrowd()
    const { head, route } = call
    try {
      sendMessage(this.http2, outgoing, head.output ?? route.method.output, message, this.#compressionOf(call), this.settings.maxSendBytes)
    } catch (thrown) {
      throw ownFault(call, thrown)
    }
  }

  /** Throws when the client leaves so many answers unread that there is no place for another one. */
  #checkCrowd(): void {
    if (!this.gate.exceeds(4)) return
    throw new RpcError('resource_exhausted', `caller reads too slowly: ${this.http2.sender.queued} bytes wait (server.maxBufferBytes)`)
  }

  finishReply(call: ServerCall, outgoing: Outgoing): void {
    const trailers = ['grpc-status', '0']
    const { madeTrailers } = call.context
    if (madeTrailers !== undefined) this.#metadata(call, madeTrailers, trailers)
    this.http2.sender.finish(outgoing, trailers)
    this.#over(call)
  }

  replyError(call: ServerCall, thrown: unknown): void {
    if (call.ended) return
    const error = toReply(thrown)
    const { madeHeaders, madeTrailers } = call.context
    const most = this.http2.peer.maxHeaderListSize
    const fields = errorFields(error, madeTrailers, most)
    if (call.opened) {
      const outgoing = this.http2.sender.get(call.id)
      // What has waited for windows until the deadline is not worth waiting for any more.
      if (outgoing !== undefined && outgoing.queued > 0 && error.code === 'deadline_exceeded') this.http2.reset(call.id, ErrorCode.cancel)
      else if (outgoing !== undefined) this.http2.sender.finish(outgoing, fields)
    } else {
      const usual = replyFields(call.head.contentType)
      const headers = headersBefore(usual, madeHeaders, most)
      if (headers === undefined) this.http2.sendHeaders(call.id, [...usual, ...fields], 4, true)
      else {
        this.http2.sendHeaders(call.id, headers, 4, false)
        this.http2.sendHeaders(call.id, fields, 0, true)
      }
    }
    this.#over(call, error.code === 'deadline_exceeded' ? error : undefined)
  }

  turnAway(call: ServerCall): void {
    this.http2.reset(call.id, ErrorCode.refusedStream)
    this.#over(call, new RpcError('canceled', 'the caller does not take the answers it has asked for'))
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

  /** The call is answered, or nobody waits for the answer. */
  #over(call: ServerCall, reason?: RpcError): void {
    this.#calls.delete(call.id)
    if (call.opened) this.#sending--
    const { closed } = this.http2
    if (!call.requestEnded && reason?.code !== 'canceled' && !closed && this.http2.sender.get(call.id) === undefined)
      this.http2.reset(call.id, ErrorCode.noError)
    call.end(reason)
    if (call.handling) this.#orphans++
    if (this.#draining) this.#closeIfIdle()
  }

  #closeIfIdle(): void {
    if (this.#calls.size === 0 && this.http2.sender.size === 0 && !this.http2.closed)
      this.http2.close(fault(ErrorCode.noError, 'server has stopped'), true)
  }
}

const empty = Buffer.alloc(0)

/** What is wrong with an answer, as its caller is told. */
function ownFault(call: ServerCall, thrown: unknown): RpcError {
  const { code, rawMessage } = RpcError.from(thrown)
  const text = `answer of ${call.route.method.path} cannot be sent: ${rawMessage}`
  return new RpcError(code === 'resource_exhausted' ? code : 'internal', text, { cause: thrown })
}
