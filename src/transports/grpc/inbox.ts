import { RpcError } from '../../error.ts'

/** Bytes before every message: a flag and the length. https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md */
export const prefixLength = 5

/** What a side takes. */
export interface Limits {
  /** Bytes of the largest message. */
  readonly maxReceiveBytes: number
}

/** Whether one whole message, and nothing else, lies at `start` … `end`: the usual case, which needs no {@link Inbox}. */
export function isWholeMessage(from: Buffer, start: number, end: number, { maxReceiveBytes }: Limits): boolean {
  const length = end - start - prefixLength
  return length >= 0 && length <= maxReceiveBytes && from[start] === 0 && from.readUInt32BE(start + 1) === length
}

/** The message at `start` … `end`, in place. */
export function view(from: Buffer, start: number, end: number): Uint8Array {
  return new Uint8Array(from.buffer, from.byteOffset + start, end - start)
}

/** Bytes of a stream that wait to be messages. */
export class Inbox {
  /** Bytes that wait. */
  length = 0
  readonly #limits: Limits
  #chunks: Buffer[] = []
  /** Where the first message begins in the first chunk. */
  #start = 0

  constructor(limits: Limits) {
    this.#limits = limits
  }

  /** Adds a copy of the bytes at `start` … `end`. */
  push(from: Buffer, start: number, end: number): void {
    if (start === end) return
    this.#chunks.push(Buffer.from(from.subarray(start, end)))
    this.length += end - start
  }

  /** The next message, if all of it is there. Throws `resource_exhausted` for one over the limit, `unimplemented` for a compressed one. */
  take(): Uint8Array | undefined {
    if (this.length < prefixLength) return undefined
    let first = this.#chunks[0] as Buffer
    if (first.length - this.#start < prefixLength) first = this.#join()
    const flag = first[this.#start]
    const length = first.readUInt32BE(this.#start + 1)
    if (flag !== 0) throw new RpcError('unimplemented', 'message is compressed, which was not agreed on', { outbound: true })
    const { maxReceiveBytes } = this.#limits
    if (length > maxReceiveBytes) {
      throw new RpcError('resource_exhausted', `message of ${length} bytes is over the limit of ${maxReceiveBytes} (maxReceiveBytes)`, {
        outbound: true,
      })
    }
    if (this.length < prefixLength + length) return undefined
    if (first.length - this.#start < prefixLength + length) first = this.#join()
    const start = this.#start + prefixLength
    this.#start = start + length
    this.length -= prefixLength + length
    const message = view(first, start, this.#start)
    if (this.#start === first.length) {
      this.#chunks.shift()
      this.#start = 0
    }
    return message
  }

  clear(): void {
    this.#chunks = []
    this.#start = this.length = 0
  }

  #join(): Buffer {
    const first = Buffer.concat(this.#chunks).subarray(this.#start)
    this.#chunks = [first]
    this.#start = 0
    return first
  }
}
