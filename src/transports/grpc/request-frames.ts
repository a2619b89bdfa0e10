import type { Context } from '../../endpoint.ts'
import type { Encoder } from '../../http2/encoder.ts'
import { copy, DATA, END_HEADERS, END_STREAM, frameHeader, HEADERS, write32, writeFrameHeader } from '../../http2/frames.ts'
import type { Method } from '../../service.ts'
import { accepted, type Compression } from './compression.ts'
import { prefixLength } from './inbox.ts'
import type { Settings } from './options.ts'
import { writeTimeout } from './timeout.ts'

/** Bytes between a header block and the message: the head of DATA, and gRPC's prefix. */
const between = frameHeader + prefixLength

/** The frames of a unary request up to its message, for one method and timeout, with the stream id and lengths left to fill in. */
export interface RequestTemplate {
  readonly method: Method
  readonly timeout: number
  /** The encoder's version for which the block means the right thing. */
  readonly version: number
  readonly bytes: Uint8Array
}

/** Most templates that a connection keeps. */
const most = 512

/** Makes a connection's request headers, and keeps the frames of those that come again. */
export class RequestFrames {
  readonly #encoder: Encoder
  readonly #authority: string
  readonly #scheme: string
  readonly #userAgent: string
  readonly #compression: Compression | undefined
  readonly #kept = new Map<Method, Map<number, RequestTemplate>>()
  #count = 0
  #last: RequestTemplate | undefined

  constructor(
    encoder: Encoder,
    scheme: string,
    authority: string,
    { userAgent, compression }: Pick<Settings, 'userAgent' | 'compression'>,
  ) {
    this.#encoder = encoder
    this.#scheme = scheme
    this.#authority = authority
    this.#userAgent = userAgent
    this.#compression = compression
  }

  /** The fields of a request, all worth keeping in the peer's table; `timeout` in whole milliseconds, 0 for none. */
  fields(method: Method, timeout: number): string[] {
    const { name } = method.input
    const contentType = name === 'proto' ? 'application/grpc' : `application/grpc+${name}`
    const fields = [':method', 'POST', ':scheme', this.#scheme, ':path', method.path, ':authority', this.#authority]
    fields.push('te', 'trailers', 'content-type', contentType, 'user-agent', this.#userAgent, 'grpc-accept-encoding', accepted)
    if (this.#compression !== undefined) fields.push('grpc-encoding', this.#compression)
    if (timeout > 0) fields.push('grpc-timeout', writeTimeout(timeout))
    return fields
  }

  /** The frames of a unary request without metadata, if they were sent before: nothing comes of it if they are not sent. */
  kept(method: Method, timeout: number): RequestTemplate | undefined {
    const last = this.#last
    const { version } = this.#encoder
    if (last !== undefined && last.method === method && last.timeout === timeout && last.version === version) return last
    const kept = this.#kept.get(method)?.get(timeout)
    if (kept === undefined || kept.version !== version) return undefined
    this.#last = kept
    return kept
  }

  /** The frames of a unary request without metadata. They have to be sent before any other header block. */
  template(method: Method, timeout: number): RequestTemplate {
    const kept = this.kept(method, timeout)
    if (kept !== undefined) return kept
    const { version } = this.#encoder
    const fields = this.fields(method, timeout)
    const template = { method, timeout, version, bytes: frames(this.#encoder.encode(fields, fields.length)) }
    if (this.#encoder.version === version) this.#keep(template)
    return template
  }

  #keep(template: RequestTemplate): void {
    if (this.#count++ >= most) {
      this.#kept.clear()
      this.#count = 0
    }
    const { method, timeout } = template
    const byTimeout = this.#kept.get(method) ?? new Map<number, RequestTemplate>()
    this.#kept.set(method, byTimeout.set(timeout, template))
    this.#last = template
  }
}

function frames(block: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(frameHeader + block.length + between)
  const at = copy(block, bytes, writeFrameHeader(bytes, 0, block.length, HEADERS, END_HEADERS, 0))
  bytes[at + 4] = END_STREAM
  return bytes
}

/** Writes a unary request with its message; returns where it ends. */
export function writeRequest(to: Uint8Array, start: number, template: RequestTemplate, id: number, message: Uint8Array): number {
  return wrapRequest(to, start, template, id, copy(message, to, start + template.bytes.length))
}

/** Writes what belongs around a message that ends at `end` and lies where the template from `start` on leaves off; returns `end`. */
export function wrapRequest(to: Uint8Array, start: number, { bytes }: RequestTemplate, id: number, end: number): number {
  const at = copy(bytes, to, start)
  write32(to, start + 5, id)
  writeFrameHeader(to, at - between, end - at + prefixLength, DATA, END_STREAM, id)
  write32(to, at - 4, end - at)
  return end
}

/** Whether the call has metadata to send. */
export function hasMetadata({ headers }: Context): boolean {
  return headers.size > 0
}
