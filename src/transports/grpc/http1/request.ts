import type { IncomingMessage } from 'node:http'
import { promisify } from 'node:util'
import { gunzip } from 'node:zlib'
import { RpcError } from '../../../error.ts'
import { isMetadata } from '../metadata.ts'
import type { Share } from '../room.ts'

const inflate = promisify(gunzip)

/** Headers of HTTP/1.1 and of Connect, which are not metadata. */
const own = /^(?:accept|connection|content-encoding|expect|host|keep-alive|proxy-connection|trailer|transfer-encoding|upgrade|connect-.*)$/

/** Names and values of a request's metadata, as they came. */
export function metadataOf({ rawHeaders }: IncomingMessage): readonly string[] {
  const pairs: string[] = []
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = (rawHeaders[i] as string).toLowerCase()
    if (isMetadata(name) && !own.test(name)) pairs.push(name, rawHeaders[i + 1] as string)
  }
  return pairs
}

/** Milliseconds that the caller waits; `Infinity` where it does not say. Throws `invalid_argument` for what cannot be read. */
export function timeoutOf({ headers }: IncomingMessage): number {
  const text = headers['connect-timeout-ms']
  if (text === undefined) return Number.POSITIVE_INFINITY
  if (typeof text === 'string' && /^\d{1,10}$/.test(text)) return Number(text)
  throw new RpcError('invalid_argument', `connect-timeout-ms must be milliseconds in at most ten digits, got ${JSON.stringify(text)}`)
}

/** The subtype of `application/…`, or `''`. */
export function subtypeOf({ headers }: IncomingMessage): string {
  return /^application\/([a-z0-9.+-]+)\s*(?:;|$)/i.exec(headers['content-type'] ?? '')?.[1]?.toLowerCase() ?? ''
}

/** The message's bytes. Throws `resource_exhausted` as soon as they are over the limit, compressed or not, or over its share. */
export async function bodyOf(request: IncomingMessage, limit: number, share: Share): Promise<Uint8Array> {
  return decompressed(await read(request, limit, share), request.headers['content-encoding'] ?? 'identity', limit)
}

/** What comes after too much is read on and forgotten: a client that still sends would not hear why it was refused. */
function read(request: IncomingMessage, limit: number, share: Share): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  let length = 0
  return new Promise((resolve, reject) => {
    request.on('data', (chunk: Uint8Array) => {
      length += chunk.length
      try {
        if (length > limit) throw tooLarge(limit)
        share.hold(length)
        chunks.push(chunk)
      } catch (thrown) {
        chunks.length = 0
        share.end(0)
        length = Number.POSITIVE_INFINITY
        reject(thrown)
      }
    })
    request.once('end', () => resolve(chunks.length === 1 ? (chunks[0] as Uint8Array) : Buffer.concat(chunks)))
    request.once('close', () => {
      if (!request.readableEnded) reject(new RpcError('canceled', 'the caller went away'))
    })
    if (Number(request.headers['content-length'] ?? 0) > limit) reject(tooLarge(limit))
  })
}

/** The message of a GET. https://connectrpc.com/docs/protocol#unary-get-request */
export function messageOf(query: URLSearchParams, limit: number): Promise<Uint8Array> {
  const text = query.get('message') ?? ''
  const body = Buffer.from(text, query.get('base64') === '1' ? 'base64url' : 'utf8')
  if (body.length > limit) throw tooLarge(limit)
  return decompressed(body, query.get('compression') ?? 'identity', limit)
}

async function decompressed(body: Uint8Array, coding: string, limit: number): Promise<Uint8Array> {
  const encoding = coding.toLowerCase()
  if (encoding === 'identity' || encoding === '') return body
  if (encoding !== 'gzip') throw new RpcError('unimplemented', `compression ${coding} is not supported; gzip and identity are`)
  // Clients need not compress nothing, whatever they say of it.
  if (body.length === 0) return body
  try {
    return await inflate(body, { maxOutputLength: limit })
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') throw tooLarge(limit)
    throw new RpcError('invalid_argument', `the message is not gzip: ${(cause as Error).message}`, { cause })
  }
}

function tooLarge(limit: number): RpcError {
  return new RpcError('resource_exhausted', `the message is over the limit of ${limit} bytes (maxReceiveBytes)`)
}
