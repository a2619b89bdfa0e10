import type { Encoder } from './encoder.ts'
import { ErrorCode, fault } from './fault.ts'
import type { Fields } from './fields.ts'
import { CONTINUATION, copy, DATA, END_HEADERS, END_STREAM, frameHeader, HEADERS, maxFrame, maxWindow, writeFrameHeader } from './frames.ts'
import type { Output } from './output.ts'

/** What one stream still has to send: bytes that wait for windows, and how it ends. */
export class Outgoing {
  readonly id: number
  /** What the peer still takes on this stream; below 0 after it made its windows smaller. */
  window: number
  /** Bytes that wait. */
  queued = 0
  /** Nothing more will be added. */
  ended = false
  /** Sent after the last byte, ending the stream, in place of a flag on it. */
  trailers: Fields | undefined
  /** Called when less than {@link enough} waits after more did. */
  onDrain: (() => void) | undefined
  /** It is in the sender's round. */
  listed = false
  readonly chunks: Uint8Array[] = []
  /** Bytes of the first chunk that are sent. */
  offset = 0

  constructor(id: number, window: number) {
    this.id = id
    this.window = window
  }
}

/** Who has this many bytes waiting on one stream should wait for `onDrain` before adding more. */
export const enough = 65_536

/** Sends DATA as far as windows and socket allow, a frame of each stream in turn. */
export class Sender {
  /** What the peer still takes on the connection. */
  window = 65_535
  maxFrame: number = maxFrame
  /** Bytes that wait on all streams together. */
  queued = 0
  /** Called when no stream has anything to send any more. */
  onIdle: () => void = () => {}
  readonly #output: Output
  readonly #encoder: Encoder
  readonly #open = new Map<number, Outgoing>()
  /** Streams with bytes that their own windows allow, in order of their turns. */
  readonly #round: Outgoing[] = []
  #pumping = false

  constructor(output: Output, encoder: Encoder) {
    this.#output = output
    this.#encoder = encoder
  }

  /** Bytes that may be sent now in one frame, past the queue, on a stream that has this window; below 0 for none. */
  room(window: number): number {
    return this.#output.blocked ? -1 : Math.min(this.window, window, maxFrame)
  }

  /** Whether `bytes` may be sent now, past the queue, on a stream that has this window. */
  allows(bytes: number, window: number): boolean {
    return bytes <= this.room(window)
  }

  open(id: number, window: number): Outgoing {
    const outgoing = new Outgoing(id, window)
    this.#open.set(id, outgoing)
    return outgoing
  }

  /** How many streams still have something to send, or may yet have. */
  get size(): number {
    return this.#open.size
  }

  get(id: number): Outgoing | undefined {
    return this.#open.get(id)
  }

  /** Adds bytes, which must not change any more, and sends what may be sent. */
  push(outgoing: Outgoing, bytes: Uint8Array): void {
    if (bytes.length === 0) return
    outgoing.chunks.push(bytes)
    outgoing.queued += bytes.length
    this.queued += bytes.length
    this.#list(outgoing)
  }

  /** Nothing more will be added; ends the stream, with trailers if given, when all is sent. */
  finish(outgoing: Outgoing, trailers?: Fields): void {
    outgoing.ended = true
    outgoing.trailers = trailers
    if (outgoing.queued === 0) this.#end(outgoing)
  }

  /** Forgets a stream and what waits on it. */
  drop(id: number): void {
    const outgoing = this.#open.get(id)
    if (outgoing === undefined) return
    this.#forget(id)
    outgoing.chunks.length = 0
    this.queued -= outgoing.queued
    outgoing.queued = 0
    outgoing.ended = true
    drained(outgoing)
  }

  /** The peer changed the initial window of all streams by so much. Throws when one gets too large. */
  shift(difference: number): void {
    for (const outgoing of this.#open.values()) {
      outgoing.window += difference
      if (outgoing.window > maxWindow) throw fault(ErrorCode.flowControlError, `window of stream ${outgoing.id} is too large`)
      if (outgoing.queued > 0) this.#list(outgoing)
    }
  }

  /** The peer takes more on a stream; false when that makes its window too large. */
  credit(outgoing: Outgoing, increment: number): boolean {
    outgoing.window += increment
    if (outgoing.window > maxWindow) return false
    if (outgoing.queued > 0) this.#list(outgoing)
    return true
  }

  /** Sends what may be sent. */
  pump(): void {
    if (this.#pumping) return
    this.#pumping = true
    const round = this.#round
    let next = 0
    while (next < round.length && this.window > 0 && !this.#output.blocked) {
      const outgoing = round[next++] as Outgoing
      if (outgoing.queued > 0 && outgoing.window > 0) this.#frame(outgoing)
      // The others first. A stream whose own window is used up comes back with its next credit.
      if (outgoing.queued > 0 && outgoing.window > 0) round.push(outgoing)
      else outgoing.listed = false
    }
    round.splice(0, next)
    this.#pumping = false
  }

  #list(outgoing: Outgoing): void {
    if (outgoing.listed || outgoing.window <= 0) return
    outgoing.listed = true
    if (this.#round.push(outgoing) === 1) this.pump()
  }

  /** Sends one frame of a stream, and how it ends if that was the last. */
  #frame(outgoing: Outgoing): void {
    const length = Math.min(outgoing.queued, maxFrame, this.maxFrame, this.window, outgoing.window)
    const last = outgoing.ended && length === outgoing.queued
    const flags = last && outgoing.trailers === undefined ? END_STREAM : 0
    const start = this.#output.reserve(frameHeader + length)
    const to = this.#output.buffer
    fill(outgoing, to, writeFrameHeader(to, start, length, DATA, flags, outgoing.id), length)
    this.#output.length = start + frameHeader + length
    this.queued -= length
    outgoing.window -= length
    this.window -= length
    if (last && flags === 0) this.#end(outgoing)
    else if (last) this.#forget(outgoing.id)
    if (outgoing.queued < enough) drained(outgoing)
  }

  /** Ends a stream all of whose bytes are sent. */
  #end({ id, trailers }: Outgoing): void {
    if (trailers === undefined) {
      const at = this.#output.reserve(frameHeader)
      this.#output.length = writeFrameHeader(this.#output.buffer, at, 0, DATA, END_STREAM, id)
    } else writeHeaders(this.#output, this.#encoder.encode(trailers, 0), id, true, this.maxFrame)
    this.#forget(id)
  }

  #forget(id: number): void {
    this.#open.delete(id)
    if (this.#open.size === 0) this.onIdle()
  }
}

/** Moves the first bytes that wait into `to`. */
function fill(outgoing: Outgoing, to: Uint8Array, start: number, length: number): void {
  const { chunks } = outgoing
  let at = start
  let done = 0
  outgoing.queued -= length
  while (at < start + length) {
    const chunk = chunks[done] as Uint8Array
    const taken = Math.min(chunk.length - outgoing.offset, start + length - at)
    at = copy(taken === chunk.length ? chunk : chunk.subarray(outgoing.offset, outgoing.offset + taken), to, at)
    outgoing.offset += taken
    if (outgoing.offset < chunk.length) break
    outgoing.offset = 0
    done++
  }
  if (done > 0) chunks.splice(0, done)
}

function drained(outgoing: Outgoing): void {
  const { onDrain } = outgoing
  if (onDrain === undefined) return
  outgoing.onDrain = undefined
  onDrain()
}

/** Writes a header block as HEADERS, and CONTINUATION as far as it does not fit. */
export function writeHeaders(output: Output, block: Uint8Array, id: number, end: boolean, longest: number): void {
  const most = Math.min(longest, maxFrame)
  let from = 0
  do {
    const length = Math.min(block.length - from, most)
    const flags = (from + length === block.length ? END_HEADERS : 0) | (from === 0 && end ? END_STREAM : 0)
    let at = output.reserve(frameHeader + length)
    at = writeFrameHeader(output.buffer, at, length, from === 0 ? HEADERS : CONTINUATION, flags, id)
    output.length = copy(block.subarray(from, from + length), output.buffer, at)
    from += length
  } while (from < block.length)
}
