import { RpcError } from '../../error.ts'
import { Headers, type HeaderValue } from '../../headers.ts'

/** Fields of HTTP and of the protocol itself, which are not metadata. */
const own: ReadonlySet<string> = new Set([
  'accept',
  'accept-encoding',
  'connection',
  'content-length',
  'content-type',
  'date',
  'host',
  'keep-alive',
  'timeout',
  'trailer',
  'transfer-encoding',
  'user-agent',
])

/** Names of trailers begin with it; mucp itself has none. */
const trailer = 'trailer-'

function isOwn(name: string): boolean {
  return own.has(name) || name.startsWith('micro-') || name.startsWith('x-micro-') || name.startsWith(trailer)
}

/** Adds metadata to the fields of a message. Throws `invalid_argument` naming a header that only the transport may set. */
export function writeMetadata(metadata: Iterable<readonly [string, HeaderValue]>, fields: string[], prefix: '' | 'trailer-' = ''): void {
  for (const [name, value] of metadata) {
    if (isOwn(name)) throw new RpcError('invalid_argument', `header ${name}: is the transport's own and cannot be set`)
    fields.push(prefix + name, typeof value === 'string' ? value : Buffer.from(value).toString('base64'))
  }
}

/** The metadata among the fields of a message, and its trailers. */
export function readMetadata(fields: readonly string[]): { headers: Headers; trailers: Headers } {
  const headers = new Headers()
  const trailers = new Headers()
  for (let i = 0; i < fields.length; i += 2) {
    const name = fields[i] as string
    if (name.startsWith(trailer)) append(trailers, name.slice(trailer.length), fields[i + 1] as string)
    else if (!isOwn(name)) append(headers, name, fields[i + 1] as string)
  }
  return { headers, trailers }
}

function append(headers: Headers, name: string, text: string): void {
  headers.appendTrusted(name, name.endsWith('-bin') ? new Uint8Array(Buffer.from(text, 'base64')) : text)
}
