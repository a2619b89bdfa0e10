import { RpcError } from '../../error.ts'
import type { Connection } from '../../http2/connection.ts'
import { enough, type Outgoing } from '../../http2/outgoing.ts'
import type { ClientCall } from './client-call.ts'
import { compress } from './compression.ts'
import { prefixLength } from './inbox.ts'
import { sizeOf, writeMetadata } from './metadata.ts'
import type { Settings } from './options.ts'
import { lentMessage, pushMessage, sendMessage } from './outbox.ts'
import { checkIterable, pump } from './pump.ts'
import { hasMetadata, type RequestFrames, wrapRequest, writeRequest } from './request-frames.ts'
import type { ResponseHead } from './response-head.ts'

/** Headers with a longer path may need more than one frame. */
const longestPath = 8192

/** Who keeps the calls whose requests are sent. */
export interface RequestHost {
  readonly address: string
  readonly settings: Settings
  /** Gives a call its stream, right before its headers are written. */
  register(call: ClientCall): void
}

/** Writes the requests of a client's connection. */
export class Requests {
  readonly #http2: Connection<ResponseHead>
  readonly #settings: Settings
  readonly #frames: RequestFrames
  readonly #host: RequestHost

  constructor(http2: Connection<ResponseHead>, frames: RequestFrames, host: RequestHost) {
    this.#http2 = http2
    this.#settings = host.settings
    this.#frames = frames
    this.#host = host
  }

  /** Sends a call's request, or begins to; `timeout` in whole milliseconds, 0 for none. Throws what is wrong with it. */
  send(call: ClientCall, timeout: number): void {
    const { kind, input, path } = call.method
    if (kind === 'unary' || kind === 'serverStream') {
      if (!this.#sendInPlace(call, timeout)) this.#sendWhole(call, lentMessage(input, call.request, this.#settings.maxSendBytes), timeout)
    } else this.#sendStream(call, checkIterable(call.request, 'invalid_argument', `request of ${path}`), timeout)
  }

  /** The usual case: the message is written right into the output, between frames known from before. False when it cannot be; then nothing was sent. */
  #sendInPlace(call: ClientCall, timeout: number): boolean {
    const { input } = call.method
    if (input.write === undefined || this.#settings.compression !== undefined || hasMetadata(call.context)) return false
    const template = this.#frames.kept(call.method, timeout)
    const { output, sender, peer } = this.#http2
    const room = sender.room(peer.initialWindow) - prefixLength
    if (template === undefined || room < 0) return false
    const { length } = template.bytes
    const start = output.reserve(length + room)
    const { buffer } = output
    const at = start + length
    const end = input.write(call.request, buffer, at, at + Math.min(room, this.#settings.maxSendBytes))
    // A message may have getters, and those may send something themselves.
    if (end < 0 || output.buffer !== buffer || output.length !== start) return false
    this.#host.register(call)
    output.length = wrapRequest(buffer, start, template, call.id, end)
    sender.window -= end - at + prefixLength
    return true
  }

  #sendWhole(call: ClientCall, message: Uint8Array, timeout: number): void {
    const { output, sender, peer } = this.#http2
    const { compression } = this.#settings
    const compressed = compression && compress(message)
    const small =
      compressed === undefined && sender.allows(message.length + prefixLength, peer.initialWindow) && call.method.path.length < longestPath
    if (small && !hasMetadata(call.context)) {
      const template = this.#frames.template(call.method, timeout)
      const start = output.reserve(template.bytes.length + message.length)
      this.#host.register(call)
      output.length = writeRequest(output.buffer, start, template, call.id, message)
      sender.window -= message.length + prefixLength
      return
    }
    const outgoing = this.#open(call, timeout)
    pushMessage(sender, outgoing, compressed ?? message, compressed === undefined ? 0 : 1)
    sender.finish(outgoing)
  }

  #sendStream(call: ClientCall, messages: AsyncIterable<unknown>, timeout: number): void {
    const outgoing = this.#open(call, timeout)
    const { sender } = this.#http2
    const { compression, maxSendBytes } = this.#settings
    const { input } = call.method
    call.pump = pump(messages, {
      send: (message) => {
        sendMessage(this.#http2, outgoing, input, message, compression, maxSendBytes)
        if (outgoing.queued < enough) return undefined
        return new Promise((resolve) => {
          outgoing.onDrain = resolve
        })
      },
      finish: () => sender.finish(outgoing),
      fail: (thrown) => {
        const { code, rawMessage, details } = RpcError.from(thrown, 'canceled')
        call.cancel(code, rawMessage, { details, cause: thrown })
      },
    })
    // Its first step may have aborted the call.
    if (call.ended) call.pump.stop()
  }

  /** Sends a call's headers, with its metadata, and opens its stream for sending. */
  #open(call: ClientCall, timeout: number): Outgoing {
    const { headers } = call.context
    const fields = this.#frames.fields(call.method, timeout)
    const stable = fields.length
    writeMetadata(headers, fields)
    const most = this.#http2.peer.maxHeaderListSize
    if (sizeOf(fields) > most)
      throw new RpcError(
        'resource_exhausted',
        `headers of ${sizeOf(fields)} bytes are over the limit of ${most} that ${this.#host.address} has set`,
      )
    this.#http2.output.reserve(0)
    this.#host.register(call)
    this.#http2.sendHeaders(call.id, fields, stable, false)
    return this.#http2.sender.open(call.id, this.#http2.peer.initialWindow)
  }
}
