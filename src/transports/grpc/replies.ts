import { RpcError, toReply } from '../../error.ts'
import type { Headers } from '../../headers.ts'
import type { Connection } from '../../http2/connection.ts'
import { ErrorCode } from '../../http2/fault.ts'
import { maxFrame } from '../../http2/frames.ts'
import type { Outgoing } from '../../http2/outgoing.ts'
import { accepted, type Compression, compress } from './compression.ts'
import { errorFields, headersBefore, roomOf, scarce } from './error-reply.ts'
import type { Gate } from './gate.ts'
import { prefixLength } from './inbox.ts'
import { writeMetadata } from './metadata.ts'
import { spoken } from './not-grpc.ts'
import type { Settings } from './options.ts'
import { lentMessage, pushMessage, sendMessage, type Way } from './outbox.ts'
import { overhead, ReplyFrames, replyFields, wrapReply, writeReply } from './reply-frames.ts'
import type { RequestHead } from './request-head.ts'
import type { ServerCall } from './server-call.ts'
import { fieldsOfError } from './status.ts'

/** Who keeps the calls that are answered. */
export interface ReplyHost {
  /** A call has begun to send a stream of messages. */
  sends(): void
  /** The call is answered, or nobody waits for the answer. */
  over(call: ServerCall, reason?: RpcError): void
}

/** Writes the answers of a server's connection. */
export class Replies {
  readonly #http2: Connection<RequestHead>
  readonly #settings: Settings
  readonly #gate: Gate
  readonly #host: ReplyHost
  readonly #frames: ReplyFrames
  readonly #way: Way

  constructor(http2: Connection<RequestHead>, settings: Settings, gate: Gate, host: ReplyHost) {
    this.#http2 = http2
    this.#settings = settings
    this.#gate = gate
    this.#host = host
    this.#frames = new ReplyFrames(http2.encoder)
    this.#way = { output: http2.output, sender: http2.sender, admit: (bytes) => gate.admit(bytes) }
  }

  /** Answers with one message, if the call is still open. */
  answer(call: ServerCall, message: unknown): void {
    if (call.ended || this.#answerInPlace(call, message)) return
    const { sender, output, peer } = this.#http2
    let bytes: Uint8Array
    try {
      // What has to wait in any case is not worth encoding for nothing.
      if (!sender.allows(prefixLength, peer.initialWindow + call.credit)) this.#gate.admit(0)
      bytes = this.#encode(call, message)
    } catch (error) {
      this.fail(call, error)
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
      this.#host.over(call)
      return
    }
    try {
      const sent = compressed ?? bytes
      this.#gate.admit(sent.length)
      this.#gate.loaded()
      const outgoing = this.#open(call, compressed && compression)
      pushMessage(sender, outgoing, sent, compressed === undefined ? 0 : 1)
      this.finish(call, outgoing)
    } catch (error) {
      this.fail(call, error)
    }
  }

  /** Answers what is no call of gRPC's with the HTTP status that its head has. */
  answerHttp(call: ServerCall): void {
    const { http } = call.head
    const fields = [':status', String(http), 'content-type', 'text/plain', ...(http === 405 ? ['allow', 'POST'] : [])]
    this.#http2.sendHeaders(call.id, fields, 4, false)
    const outgoing = this.#http2.sender.open(call.id, this.#http2.peer.initialWindow + call.credit)
    if (call.head.method !== 'HEAD') this.#http2.sender.push(outgoing, spoken)
    this.#http2.sender.finish(outgoing)
    this.#host.over(call)
  }

  /** The usual case: the message is written right into the output, between frames known from before. False when it cannot be; then nothing was sent. */
  #answerInPlace(call: ServerCall, message: unknown): boolean {
    const codec = call.head.output ?? call.route.method.output
    const { madeHeaders, madeTrailers } = call.context
    if (codec.write === undefined || madeHeaders !== undefined || madeTrailers !== undefined || this.#compressionOf(call) !== undefined)
      return false
    const template = this.#frames.kept(call.head.contentType)
    const { sender, output, peer } = this.#http2
    const room = Math.min(sender.room(peer.initialWindow + call.credit), maxFrame - 1024) - prefixLength
    if (template === undefined || room < 0) return false
    const start = output.reserve(overhead(template) + room)
    const { buffer } = output
    const at = start + template.before.length
    const end = codec.write(message, buffer, at, at + Math.min(room, this.#settings.maxSendBytes))
    // A message may have getters, and those may send something themselves, or end the call.
    if (end < 0 || output.buffer !== buffer || output.length !== start || call.ended) return false
    output.length = wrapReply(buffer, start, template, call.id, end)
    sender.window -= end - at + prefixLength
    this.#host.over(call)
    return true
  }

  /** Encodes an answer. What is wrong with it is this side's fault and not the caller's. */
  #encode(call: ServerCall, message: unknown): Uint8Array {
    try {
      return lentMessage(call.head.output ?? call.route.method.output, message, this.#settings.maxSendBytes)
    } catch (thrown) {
      throw ownFault(call, thrown)
    }
  }

  #metadata(call: ServerCall, headers: Headers, fields: string[]): void {
    try {
      if (this.#http2.laden) throw new RpcError('resource_exhausted', scarce.why)
      writeMetadata(headers, fields)
    } catch (thrown) {
      throw ownFault(call, thrown)
    }
  }

  /** How answers to a call are compressed: as this side is told to or the caller does, if the caller can read it. */
  #compressionOf({ head }: ServerCall): Compression | undefined {
    return head.gzip && (this.#settings.compression === 'gzip' || head.encoding === 'gzip') ? 'gzip' : undefined
  }

  /** Opens a stream of messages: sends headers. */
  open(call: ServerCall): Outgoing {
    return this.#open(call, this.#compressionOf(call))
  }

  #open(call: ServerCall, compression: Compression | undefined): Outgoing {
    const fields = replyFields(call.head.contentType, compression)
    const stable = fields.length
    const { madeHeaders } = call.context
    if (madeHeaders !== undefined) this.#metadata(call, madeHeaders, fields)
    call.context.headersSent()
    call.opened = true
    this.#host.sends()
    this.#http2.sendHeaders(call.id, fields, stable, false)
    return this.#http2.sender.open(call.id, this.#http2.peer.initialWindow + call.credit)
  }

  /** Sends a message of a stream. */
  send(call: ServerCall, outgoing: Outgoing, message: unknown): void {
    const { head, route } = call
    const { maxSendBytes } = this.#settings
    try {
      sendMessage(this.#way, outgoing, head.output ?? route.method.output, message, this.#compressionOf(call), maxSendBytes)
    } catch (thrown) {
      throw ownFault(call, thrown)
    }
  }

  /** Ends a stream of messages with success. */
  finish(call: ServerCall, outgoing: Outgoing): void {
    const trailers = ['grpc-status', '0']
    const { madeTrailers } = call.context
    if (madeTrailers !== undefined) this.#metadata(call, madeTrailers, trailers)
    this.#http2.sender.finish(outgoing, trailers)
    this.#host.over(call)
  }

  /** Answers with an error, if the call is still open. */
  fail(call: ServerCall, thrown: unknown): void {
    if (call.ended) return
    const error = toReply(thrown)
    const { madeHeaders, madeTrailers } = call.context
    const { laden, peer } = this.#http2
    const room = laden ? scarce : roomOf(peer.maxHeaderListSize)
    const fields = errorFields(error, madeTrailers, room)
    if (call.opened) {
      const outgoing = this.#http2.sender.get(call.id)
      // What has waited for windows until the deadline is not worth waiting for any more.
      if (outgoing !== undefined && outgoing.queued > 0 && error.code === 'deadline_exceeded') this.#http2.reset(call.id, ErrorCode.cancel)
      else if (outgoing !== undefined) this.#http2.sender.finish(outgoing, fields)
    } else {
      const usual = replyFields(call.head.contentType)
      const headers = headersBefore(usual, madeHeaders, room.most)
      if (headers === undefined) this.#http2.sendHeaders(call.id, [...usual, ...fields], 4, true)
      else {
        this.#http2.sendHeaders(call.id, headers, 4, false)
        this.#http2.sendHeaders(call.id, fields, 0, true)
      }
    }
    this.#host.over(call, error.code === 'deadline_exceeded' ? error : undefined)
  }

  /** Answers a request that does not become a call. */
  reject(id: number, { contentType, encoding }: RequestHead, error: RpcError): void {
    const fields = replyFields(contentType.startsWith('application/grpc') ? contentType : 'application/grpc')
    // This much the protocol asks for.
    if (encoding !== '') fields.push('grpc-accept-encoding', accepted)
    this.#http2.sendHeaders(id, [...fields, ...fieldsOfError(error)], 4, true)
  }
}

/** What is wrong with an answer, as its caller is told. */
function ownFault(call: ServerCall, thrown: unknown): RpcError {
  const { code, rawMessage } = RpcError.from(thrown)
  const text = `answer of ${call.route.method.path} cannot be sent: ${rawMessage}`
  return new RpcError(code === 'resource_exhausted' ? code : 'internal', text, { cause: thrown })
}
