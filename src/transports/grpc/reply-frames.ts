import type { Encoder } from '../../http2/encoder.ts'
import { copy, DATA, END_HEADERS, END_STREAM, frameHeader, HEADERS, write32, writeFrameHeader } from '../../http2/frames.ts'
import type { Compression } from './compression.ts'
import { prefixLength } from './inbox.ts'

/** Bytes between the header block and the message: the head of DATA, and gRPC's prefix. */
const between = frameHeader + prefixLength

/** The frames around the one message of a successful reply, with the stream id and lengths left to fill in. */
export interface ReplyTemplate {
  readonly contentType: string
  /** The encoder's version for which the blocks mean the right thing. */
  readonly version: number
  readonly before: Uint8Array
  readonly after: Uint8Array
}

/** Keeps a connection's reply frames by content type. */
export class ReplyFrames {
  readonly #encoder: Encoder
  readonly #kept = new Map<string, ReplyTemplate>()
  #last: ReplyTemplate | undefined

  constructor(encoder: Encoder) {
    this.#encoder = encoder
  }

  /** The frames of a reply without metadata, if they were sent before: nothing comes of it if they are not sent. */
  kept(contentType: string): ReplyTemplate | undefined {
    const { version } = this.#encoder
    const last = this.#last
    if (last !== undefined && last.contentType === contentType && last.version === version) return last
    const kept = this.#kept.get(contentType)
    if (kept === undefined || kept.version !== version) return undefined
    this.#last = kept
    return kept
  }

  /** The frames of a reply without metadata. They have to be sent before any other header block. */
  template(contentType: string): ReplyTemplate {
    const kept = this.kept(contentType)
    if (kept !== undefined) return kept
    const { version } = this.#encoder
    const head = this.#encoder.encode(replyFields(contentType), 4)
    const before = new Uint8Array(frameHeader + head.length + between)
    copy(head, before, writeFrameHeader(before, 0, head.length, HEADERS, END_HEADERS, 0))
    const tail = this.#encoder.encode(['grpc-status', '0'], 2)
    const after = new Uint8Array(frameHeader + tail.length)
    copy(tail, after, writeFrameHeader(after, 0, tail.length, HEADERS, END_HEADERS | END_STREAM, 0))
    const template = { contentType, version, before, after }
    if (this.#encoder.version === version) {
      this.#kept.set(contentType, template)
      this.#last = template
    }
    return template
  }
}

/** The fields of a reply's headers. */
export function replyFields(contentType: string, compression?: Compression): string[] {
  const fields = [':status', '200', 'content-type', contentType]
  if (compression !== undefined) fields.push('grpc-encoding', compression)
  return fields
}

/** Bytes of a reply beside its message. */
export function overhead({ before, after }: ReplyTemplate): number {
  return before.length + after.length
}

/** Writes a whole reply; returns where it ends. */
export function writeReply(to: Uint8Array, start: number, template: ReplyTemplate, id: number, message: Uint8Array): number {
  return wrapReply(to, start, template, id, copy(message, to, start + template.before.length))
}

/** Writes what belongs around a message that ends at `messageEnd` and lies where the first part of the template leaves off; returns where the reply ends. */
export function wrapReply(to: Uint8Array, start: number, { before, after }: ReplyTemplate, id: number, messageEnd: number): number {
  const at = copy(before, to, start)
  write32(to, start + 5, id)
  writeFrameHeader(to, at - between, messageEnd - at + prefixLength, DATA, 0, id)
  write32(to, at - 4, messageEnd - at)
  const end = copy(after, to, messageEnd)
  write32(to, messageEnd + 5, id)
  return end
}
