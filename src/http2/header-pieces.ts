import { ErrorCode, fault } from './fault.ts'
import { END_HEADERS } from './frames.ts'

/** What the pieces of a header block may come to. */
export interface PiecesLimits {
  /** Bytes, compressed. */
  readonly maxBytes: number
  readonly maxFrames: number
}

/** A header block that does not come in one frame: HEADERS, then CONTINUATION and nothing else until its end. RFC 9113, 6.10. */
export class HeaderPieces {
  /** The stream whose block goes on; 0 for none. */
  id = 0
  /** Of its HEADERS. */
  flags = 0
  readonly #limits: PiecesLimits
  #pieces: Buffer[] = []
  #length = 0

  constructor(limits: PiecesLimits) {
    this.#limits = limits
  }

  /** Keeps the first piece, whose memory may change afterwards. */
  begin(id: number, flags: number, piece: Buffer): void {
    this.id = id
    this.flags = flags
    this.#add(piece)
  }

  /** Adds a piece; returns the whole block if it was the last. Throws `ENHANCE_YOUR_CALM` when there are too many. */
  add(flags: number, piece: Buffer): Buffer | undefined {
    this.#add(piece)
    const { maxBytes, maxFrames } = this.#limits
    if (this.#length > maxBytes || this.#pieces.length > maxFrames)
      throw fault(ErrorCode.enhanceYourCalm, `header block of ${this.#length} bytes in ${this.#pieces.length} frames`)
    if (!(flags & END_HEADERS)) return undefined
    const block = Buffer.concat(this.#pieces)
    this.#pieces = []
    this.#length = 0
    this.id = 0
    return block
  }

  #add(piece: Buffer): void {
    this.#pieces.push(Buffer.from(piece))
    this.#length += piece.length
  }
}
