import { ErrorCode, fault } from './fault.ts'

/** How many streams that were reset, and how many gaps between ids, are remembered. */
const remembered = 64

/**
 * Which streams have been: enough to tell idle ones from closed ones, and late frames of a stream that was reset from
 * wrong ones, without keeping anything per stream. https://www.rfc-editor.org/rfc/rfc9113#section-5.1
 */
export class StreamIds {
  /** Server: the highest stream the peer opened. Client: the highest this side opened, or -1. */
  last: number
  /** Server: streams above are not processed, because GOAWAY has said so. */
  limit = 0x7fffffff
  readonly #server: boolean
  readonly #reset = new Uint32Array(remembered)
  #resetNext = 0
  /** Ids that the peer skipped, first and last in turn. */
  readonly #gaps: number[] = []

  constructor(server: boolean) {
    this.#server = server
    this.last = server ? 0 : -1
  }

  /** Client: the id of a new stream. */
  next(): number {
    this.last += 2
    return this.last
  }

  /** Throws when HEADERS may not come on this stream. */
  checkOpens(id: number): void {
    if (id % 2 === 0 || (!this.#server && id > this.last)) throw fault(ErrorCode.protocolError, `HEADERS on stream ${id}`)
  }

  /** Throws when the stream has never been opened. */
  checkOpened(id: number): void {
    if (id % 2 === 0 || id > this.last) throw fault(ErrorCode.protocolError, `stream ${id} is not open`)
  }

  /** Server: whether HEADERS open this stream; if so it counts as opened now. */
  open(id: number): boolean {
    if (id <= this.last) return false
    if (id > this.last + 2) {
      this.#gaps.push(this.last + 2, id - 2)
      if (this.#gaps.length > remembered) this.#gaps.splice(0, 2)
    }
    this.last = id
    return true
  }

  refused(id: number): boolean {
    return id > this.limit
  }

  /** HEADERS came on a stream that is not open any more. Throws, unless they may have been under way when it was reset. */
  checkLate(id: number): void {
    if (!this.#server || this.isReset(id)) return
    for (let i = 0; i < this.#gaps.length; i += 2) {
      const inside = id >= (this.#gaps[i] as number) && id <= (this.#gaps[i + 1] as number)
      if (inside) throw fault(ErrorCode.protocolError, `stream ${id} is below the last one`)
    }
    throw fault(ErrorCode.streamClosed, `HEADERS on stream ${id}, which is closed`)
  }

  wasReset(id: number): void {
    this.#reset[this.#resetNext] = id
    this.#resetNext = (this.#resetNext + 1) % remembered
  }

  isReset(id: number): boolean {
    return this.#reset.includes(id)
  }
}
