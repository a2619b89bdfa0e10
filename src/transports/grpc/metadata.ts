import { RpcError } from '../../error.ts'
import { Headers } from '../../headers.ts'

/** Headers of the protocol itself, which are not metadata. Names that begin with `:` are not either. */
const own = new Set([
  'te',
  'content-type',
  'content-length',
  'accept-encoding',
  'grpc-timeout',
  'grpc-encoding',
  'grpc-accept-encoding',
  'grpc-message-type',
  'grpc-status',
  'grpc-message',
  'grpc-status-details-bin',
])

/** Headers that HTTP/2 forbids. https://www.rfc-editor.org/rfc/rfc9113#section-8.2.2 */
const forbidden = new Set(['connection', 'proxy-connection', 'keep-alive', 'transfer-encoding', 'upgrade', 'host'])

/** Names that may be sent though they begin with `grpc-`, because they are an application's or a tracer's. */
const allowed = new Set(['grpc-trace-bin', 'grpc-tags-bin', 'grpc-previous-rpc-attempts'])

/** Whether a header that came is metadata. */
export function isMetadata(name: string): boolean {
  return name.charCodeAt(0) !== 58 && !own.has(name)
}

/** Names and values that came, as headers; bytes under `-bin` are decoded. */
export function readMetadata(pairs: readonly string[]): Headers {
  const headers = new Headers()
  for (let i = 0; i < pairs.length; i += 2) {
    const name = pairs[i] as string
    const value = pairs[i + 1] as string
    if (!name.endsWith('-bin')) headers.appendTrusted(name, value)
    // A proxy may have joined several with commas.
    else for (const one of value.split(',')) headers.appendTrusted(name, new Uint8Array(Buffer.from(one, 'base64')))
  }
  return headers
}

/** Adds metadata to fields to send. Throws `invalid_argument` naming a header that only the transport may set. */
export function writeMetadata(headers: Iterable<readonly [string, string | Uint8Array]>, fields: string[]): void {
  for (const [name, value] of headers) {
    if (own.has(name) || forbidden.has(name) || name.startsWith(':') || (name.startsWith('grpc-') && !allowed.has(name)))
      throw new RpcError('invalid_argument', `header ${name}: is the transport's own and cannot be set`)
    if (typeof value === 'string') fields.push(name, value.trim())
    else fields.push(name, Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('base64').replace(/=+$/, ''))
  }
}

/** Size of a header list as SETTINGS_MAX_HEADER_LIST_SIZE counts. */
export function sizeOf(fields: readonly string[]): number {
  let size = fields.length * 16
  for (const text of fields) size += text.length
  return size
}
