import { RpcError } from '../../error.ts'

/** A request or response of HTTP/1.1. https://www.rfc-editor.org/rfc/rfc9112 */
export interface HttpMessage {
  /** Its first line. */
  readonly start: string
  /** Names, in lower case, and values in turn. */
  readonly fields: readonly string[]
  readonly body: Buffer
  /** Bytes of a body that was over the limit, and is not kept. */
  readonly tooLarge?: number | undefined
}

/** The first value of a field; undefined where there is none. */
export function fieldOf({ fields }: Pick<HttpMessage, 'fields'>, name: string): string | undefined {
  for (let i = 0; i < fields.length; i += 2) if (fields[i] === name) return fields[i + 1]
  return undefined
}

/** The bytes of a message, the length of its body told. Line breaks in values become spaces. */
export function writeHttp(start: string, fields: readonly string[], body: Uint8Array): Buffer {
  let head = `${start}\r\n`
  for (let i = 0; i < fields.length; i += 2) head += `${fields[i]}: ${(fields[i + 1] as string).replace(/[\r\n]+/g, ' ')}\r\n`
  return Buffer.concat([Buffer.from(`${head}Content-Length: ${body.length}\r\n\r\n`), body])
}

/** Bytes of a body, or that it comes in chunks. Throws where another reader could find another end. https://www.rfc-editor.org/rfc/rfc9112#section-6.3 */
function lengthOf({ start, fields }: Pick<HttpMessage, 'start' | 'fields'>): number | 'chunk' {
  const all = (name: string): string[] => fields.filter((_, index) => index % 2 === 1 && fields[index - 1] === name)
  const [coding, ...more] = all('transfer-encoding')
  const lengths = all('content-length')
  if (coding !== undefined) {
    if (coding.toLowerCase() === 'chunked' && more.length + lengths.length === 0) return 'chunk'
    throw new RpcError('internal', 'the peer sent a Transfer-Encoding that is not chunked, or something beside it')
  }
  if (lengths.length === 0 && /^HTTP\S+ 200/.test(start)) throw new RpcError('internal', 'the peer sent an answer without its length')
  const [length = '0'] = lengths
  if (/^\d{1,15}$/.test(length) && lengths.every((one) => one === length)) return Number(length)
  throw new RpcError('internal', 'the peer sent a Content-Length that is no number')
}

const maxHead = 65_536
const none: Buffer = Buffer.alloc(0)

/** Takes messages out of the bytes of a connection. */
export class HttpReader {
  readonly #limit: number
  readonly #onMessage: (message: HttpMessage) => void
  #chunks: Buffer[] = []
  #length = 0
  /** Nothing can be done with fewer bytes. */
  #needed = 1
  #head: Pick<HttpMessage, 'start' | 'fields'> | undefined
  /** Bytes of the body, or of the chunk, that are to come; `chunk`: a line that tells; `end`: the lines after the last chunk. */
  #next: number | 'chunk' | 'end' = 0
  #chunked = false
  #parts: Buffer[] = []
  #size = 0

  /** `limit`: bytes of the largest body that is kept. */
  constructor(limit: number, onMessage: (message: HttpMessage) => void) {
    this.#limit = limit
    this.#onMessage = onMessage
  }

  /** Throws `internal` for what is not HTTP/1.1, `resource_exhausted` for a head of more than 64 KiB. The chunk is kept. */
  push(chunk: Buffer): void {
    if (this.#skip(chunk.length)) return
    this.#chunks.push(chunk)
    this.#length += chunk.length
    if (this.#length < this.#needed) return
    let rest = this.#chunks.length === 1 ? chunk : Buffer.concat(this.#chunks)
    this.#needed = 1
    while (rest.length >= this.#needed) {
      const used = this.#head === undefined ? this.#readHead(rest) : this.#readBody(rest)
      if (used < 0) break
      rest = rest.subarray(used)
    }
    this.#chunks = rest.length === 0 ? [] : [rest]
    this.#length = rest.length
    this.#needed = Math.max(this.#needed, rest.length + 1)
  }

  /** What is over the limit is not even held until it is whole. */
  #skip(length: number): boolean {
    if (this.#head === undefined || typeof this.#next !== 'number' || this.#size + this.#next <= this.#limit) return false
    const open = this.#next - this.#length - length
    if (open <= 0) return false
    this.#size += this.#length + length
    this.#next = open
    this.#needed = 1
    this.#chunks = []
    this.#length = 0
    return true
  }

  /** Bytes that were used; -1 where there must be more. */
  #readHead(from: Buffer): number {
    const end = from.indexOf('\r\n\r\n')
    if (end < 0 && from.length <= maxHead) return -1
    if (end < 0 || end > maxHead) throw new RpcError('resource_exhausted', `the peer sent a head of more than ${maxHead} bytes`)
    const [start = '', ...lines] = from.toString('utf8', 0, end).split('\r\n')
    if (!/^(HTTP\/1\.\d \d{3}|[A-Z]+ \S+ HTTP\/1\.\d$)/.test(start)) throw new RpcError('internal', 'the peer does not speak HTTP/1.1')
    // More is to come, as to who expects `100 Continue`.
    if (/^HTTP\S+ 1/.test(start)) return end + 4
    const fields = lines.flatMap((line) => {
      const name = /^[\w!#$%&'*+.^`|~-]+(?=:[^\r\n]*$)/.exec(line)?.[0]
      if (name === undefined) throw new RpcError('internal', 'the peer sent a line among its headers that is none')
      return [name.toLowerCase(), line.slice(name.length + 1).trim()]
    })
    this.#head = { start, fields }
    this.#parts = []
    this.#size = 0
    this.#next = lengthOf(this.#head)
    this.#chunked = this.#next === 'chunk'
    if (this.#next === 0) this.#finish()
    return end + 4
  }

  #readBody(from: Buffer): number {
    if (this.#next === 'chunk' || this.#next === 'end') return this.#readLine(from, this.#next)
    const ending = this.#chunked ? 2 : 0
    if (from.length < this.#next + ending) {
      this.#needed = this.#next + ending
      return -1
    }
    const used = this.#next + ending
    if (this.#chunked && from.toString('latin1', this.#next, used) !== '\r\n')
      throw new RpcError('internal', 'the peer sent a chunk that is not as long as it says')
    this.#size += this.#next
    if (this.#size <= this.#limit) this.#keep(from.subarray(0, this.#next))
    this.#next = 'chunk'
    if (!this.#chunked) this.#finish()
    return used
  }

  /** Joins small parts to larger ones, so that a body in chunks of a byte each takes no more memory than its bytes. */
  #keep(part: Buffer): void {
    let joined = part
    for (let last = this.#parts.at(-1); last !== undefined && last.length <= joined.length; last = this.#parts.at(-1)) {
      joined = Buffer.concat([last, joined])
      this.#parts.pop()
    }
    this.#parts.push(joined)
  }

  #readLine(from: Buffer, what: 'chunk' | 'end'): number {
    const end = from.indexOf('\r\n')
    if (end < 0 && from.length <= maxHead) return -1
    if (end < 0) throw new RpcError('internal', `the peer sent a line of more than ${maxHead} bytes`)
    if (what === 'end') {
      if (end === 0) this.#finish()
      return end + 2
    }
    const [, digits] = /^([\da-f]{1,12})[ \t]*(?:;|$)/i.exec(from.toString('latin1', 0, end)) ?? []
    if (digits === undefined) throw new RpcError('internal', 'the peer sent a chunk without a length')
    this.#next = Number.parseInt(digits, 16) || 'end'
    return end + 2
  }

  #finish(): void {
    const { start, fields } = this.#head as Pick<HttpMessage, 'start' | 'fields'>
    const tooLarge = this.#size > this.#limit ? this.#size : undefined
    const [one = none, ...more] = tooLarge === undefined ? this.#parts : []
    this.#head = undefined
    this.#parts = []
    this.#onMessage({ start, fields, body: more.length === 0 ? one : Buffer.concat([one, ...more]), tooLarge })
  }
}
