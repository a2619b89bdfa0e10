import type { IncomingMessage } from 'node:http'
import { RpcError } from '../../../error.ts'
import type { Reply } from './reply.ts'

/** Which pages in browsers may call. https://fetch.spec.whatwg.org/#http-cors-protocol */
export interface CorsOptions {
  /** Origins as a browser writes them, `https://shop.example`, or `'*'` for any. Browsers send cookies to none of them. */
  readonly origins: readonly string[] | '*'
}

/** How long a browser may remember that it is allowed, in seconds; two hours is the most that Chromium takes. */
const maxAge = 7200

/** Checks the option. Throws `invalid_argument` naming an origin that no browser writes. */
export function checkCors(cors: CorsOptions | undefined): CorsOptions | undefined {
  if (cors === undefined || cors.origins === '*') return cors
  for (const origin of Array.isArray(cors.origins) ? cors.origins : [cors.origins]) {
    if (typeof origin !== 'string' || !/^[a-z][a-z0-9+.-]*:\/\/[^/?#\s]+$/.test(origin))
      throw new RpcError('invalid_argument', `grpc: cors.origins must be '*' or origins like https://shop.example, got ${String(origin)}`)
  }
  return cors
}

/** Whether a browser asks if its page may call. */
export function isPreflight({ method, headers }: IncomingMessage): boolean {
  return method === 'OPTIONS' && headers.origin !== undefined && headers['access-control-request-method'] !== undefined
}

/** The answer to it: any header may be sent, as any may be metadata. */
export function preflightReply(cors: CorsOptions, { headers }: IncomingMessage): Reply {
  if (!allows(cors, headers.origin)) return { status: 403, fields: [], body: '' }
  const asked = headers['access-control-request-headers']
  const fields = ['access-control-allow-methods', 'GET, POST', 'access-control-max-age', String(maxAge)]
  if (asked !== undefined) fields.push('access-control-allow-headers', asked)
  return { status: 204, fields, body: '' }
}

/** What tells the browser that the page may see an answer with these headers. */
export function corsFields(cors: CorsOptions, origin: string | undefined, fields: readonly string[]): readonly string[] {
  const vary = cors.origins === '*' ? [] : ['vary', 'origin, access-control-request-headers']
  if (origin === undefined || !allows(cors, origin)) return vary
  const names = [...new Set(fields.filter((_, index) => index % 2 === 0))]
  return [
    ...vary,
    'access-control-allow-origin',
    cors.origins === '*' ? '*' : origin,
    ...(names.length === 0 ? [] : ['access-control-expose-headers', names.join(', ')]),
  ]
}

function allows({ origins }: CorsOptions, origin: string | undefined): boolean {
  return origins === '*' || (origin !== undefined && origins.includes(origin))
}
