import type { Encoder } from './encoder.ts'
import { ErrorCode, fault } from './fault.ts'
import type { Fields } from './fields.ts'
import { CONTINUATION, copy, DATA, END_HEADERS, END_STREAM, frameHeader, HEADERS, maxFrame, maxWindow, writeFrameHeader } from './frames.ts'
import { giveBack } from './lending.ts'
import { drained, enough, fill, keepLast, Outgoing } from './outgoing.ts'
import type { Output } from './output.ts'

/** Bytes of the largest frame of DATA: with its head it fills a record of TLS, and four of them what is read at a time. */
const mostData = maxFrame - frameHeader

/** A frame of DATA takes more messages as long as it is shorter than this, and than what is written early. */
const short = 4096

/** Sends DATA as far as windows and socket allow, a frame of each stream in turn. */
export class Sender {
  /** What the peer still takes on the connection. */
  window = 65_535
  maxFrame: number = maxFrame
  /** Bytes that wait on all streams together. */
  queued = 0
  /** Called when no stream has anything to send any more. */
  onIdle: () => void = () => {}
  /** Called when less waits than before. */
  onSent: () => void = () => {}
  /** How far what goes where {@link Sender.place} says may go. */
  limit = 0
  readonly #output: Output
  readonly #encoder: Encoder
  /** Where the last frame of placed bytes begins and ends in the output, which stream's it is, and after how many writes. */
  #frameStart = 0
  #frameEnd = 0
  #frameOf: Outgoing | undefined
  #frameWrites = -1
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

  /**
   * Where in the output's buffer bytes of a stream may be written that go out at once, past the queue, and not beyond {@link Sender.limit}; -1 when
   * they would have to wait. They are sent by {@link Sender.placed}, if nothing else was meanwhile.
   */
  place(outgoing: Outgoing): number {
    const output = this.#output
    if (outgoing.queued > 0 || output.blocked) return -1
    const length = this.#frameEnd - this.#frameStart
    const most = Math.min(this.window, outgoing.window, maxFrame)
    if (most <= 0) return -1
    if (
      this.#frameOf === outgoing &&
      this.#frameEnd === output.length &&
      this.#frameWrites === output.writes &&
      length < Math.min(short, output.early) + frameHeader
    ) {
      this.limit = Math.min(this.#frameEnd + most, this.#frameStart + frameHeader + maxFrame, output.buffer.length)
      return this.#frameEnd
    }
    const start = output.reserve(frameHeader + most)
    this.limit = start + frameHeader + most
    return start + frameHeader
  }

  /** Sends what was written from `start`, which {@link Sender.place} returned, to `end`. */
  placed(outgoing: Outgoing, start: number, end: number): void {
    const output = this.#output
    if (start !== output.length) {
      this.#frameStart = output.length
      this.#frameOf = outgoing
      this.#frameWrites = output.writes
    }
    this.#frameEnd = end
    this.window -= end - start
    outgoing.window -= end - start
    writeFrameHeader(output.buffer, this.#frameStart, end - this.#frameStart - frameHeader, DATA, 0, outgoing.id)
    output.length = end
  }

  /**
   * Adds bytes, which must not change any more, behind others if given, and sends what may be sent. Bytes that are only `lent` may change
   * afterwards: what cannot be sent now is copied.
   */
  push(outgoing: Outgoing, bytes: Uint8Array, before?: Uint8Array, lent = false): void {
    const length = bytes.length + (before?.length ?? 0)
    if (length === 0) return
    if (before !== undefined) outgoing.chunks.push(before)
    if (bytes.length > 0) outgoing.chunks.push(bytes)
    outgoing.queued += length
    this.queued += length
    this.#list(outgoing)
    if (lent && outgoing.queued > 0) keepLast(outgoing)
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
    for (const chunk of outgoing.chunks.splice(0)) giveBack(chunk)
    this.queued -= outgoing.queued
    outgoing.queued = 0
    outgoing.ended = true
    drained(outgoing)
    this.onSent()
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
    if (next > 0) this.onSent()
  }

  #list(outgoing: Outgoing): void {
    if (outgoing.listed || outgoing.window <= 0) return
    outgoing.listed = true
    if (this.#round.push(outgoing) === 1) this.pump()
  }

  /** Sends one frame of a stream, and how it ends if that was the last. */
  #frame(outgoing: Outgoing): void {
    const length = Math.min(outgoing.queued, mostData, this.window, outgoing.window)
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
