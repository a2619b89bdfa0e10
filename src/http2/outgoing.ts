import type { Fields } from './fields.ts'
import { copy } from './frames.ts'
import { giveBack } from './lending.ts'

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

/** Moves the first bytes that wait into `to`. */
export function fill(outgoing: Outgoing, to: Uint8Array, start: number, length: number): void {
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
    giveBack(chunk)
    done++
  }
  if (done > 0) chunks.splice(0, done)
}

/** Copies what is left of the last bytes that wait, as their memory is used again. */
export function keepLast(outgoing: Outgoing): void {
  const { chunks } = outgoing
  const last = chunks.pop() as Uint8Array
  const sent = chunks.length === 0 ? outgoing.offset : 0
  outgoing.offset -= sent
  chunks.push(new Uint8Array(last.subarray(sent)))
}

/** Tells who waits for room that there is some. */
export function drained(outgoing: Outgoing): void {
  const { onDrain } = outgoing
  if (onDrain === undefined) return
  outgoing.onDrain = undefined
  onDrain()
}
