import { ErrorCode, fault } from './fault.ts'
import { frameHeader, maxFrame, read31 } from './frames.ts'
import { giveBuffer, takeBuffer } from './output.ts'

/** Takes the frames of a {@link Reader}. */
export interface FrameSink {
  /** No more frames are wanted. */
  readonly closed: boolean
  /**
   * Takes one frame, whose payload lies in `from` at `start` … `end` and is only valid during the call. What came after it
   * lies there up to `limit`: it may take frames of that too. Returns where the next frame begins.
   */
  frame(type: number, flags: number, id: number, from: Buffer, start: number, end: number, limit: number): number
}

/** So many split frames at a time lie in buffers that all connections share, which are as large as any frame; others have what they announce. */
const shared = 16

/** Split frames, of all connections. */
let split = 0

/** Takes chunks apart into frames, in place: only a frame that is split over chunks is copied. */
export class Reader {
  readonly #sink: FrameSink
  /** The beginning of a split frame, and its bytes so far. */
  #carry: Buffer | undefined
  #carried = 0

  constructor(sink: FrameSink) {
    this.#sink = sink
  }

  /** Takes the next chunk, `from` at `start` … `end`. Throws the faults of frames. */
  read(from: Buffer, start: number, end: number): void {
    let at = this.#carry === undefined ? start : this.#complete(this.#carry, from, start, end)
    while (end - at >= frameHeader && !this.#sink.closed) {
      const payload = at + frameHeader
      const stop = payload + lengthAt(from, at)
      if (stop > end) break
      at = this.#sink.frame(from[at + 3] as number, from[at + 4] as number, read31(from, at + 5), from, payload, stop, end)
    }
    if (at >= end || this.#sink.closed) return
    const announced = frameHeader + (end - at >= frameHeader ? lengthAt(from, at) : maxFrame)
    this.#carry = split++ < shared ? takeBuffer() : Buffer.allocUnsafeSlow(announced)
    this.#carried = from.copy(this.#carry, 0, at, end)
  }

  /** Forgets a split frame. */
  close(): void {
    if (this.#carry !== undefined) giveBuffer(this.#take(this.#carry))
  }

  #take(carry: Buffer): Buffer {
    this.#carry = undefined
    split--
    return carry
  }

  /** Goes on with the split frame; returns where it ended in the chunk. */
  #complete(carry: Buffer, from: Buffer, start: number, end: number): number {
    let at = start
    while (this.#carried < frameHeader && at < end) carry[this.#carried++] = from[at++] as number
    if (this.#carried < frameHeader) return end
    const total = frameHeader + lengthAt(carry, 0)
    const taken = Math.min(total - this.#carried, end - at)
    from.copy(carry, this.#carried, at, at + taken)
    this.#carried += taken
    at += taken
    if (this.#carried < total) return end
    this.#take(carry)
    try {
      this.#sink.frame(carry[3] as number, carry[4] as number, read31(carry, 5), carry, frameHeader, total, total)
    } finally {
      giveBuffer(carry)
    }
    return at
  }
}

function lengthAt(from: Buffer, at: number): number {
  const length = ((from[at] as number) << 16) | ((from[at + 1] as number) << 8) | (from[at + 2] as number)
  if (length > maxFrame) throw fault(ErrorCode.frameSizeError, `frame of ${length} bytes, at most ${maxFrame} are taken`)
  return length
}
