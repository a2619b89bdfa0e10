import { validateHeaderValue } from 'node:http'
import { type Code, codeToNumber, RpcError } from '../../../error.ts'
import { Headers, type HeaderValue } from '../../../headers.ts'
import { writeMetadata } from '../metadata.ts'
import type { ServerContext } from '../server-context.ts'

/** An answer over HTTP/1.1: names and values of its headers in turn, the length of the body not among them. */
export interface Reply {
  readonly status: number
  readonly fields: readonly string[]
  readonly body: Uint8Array | string
}

/** HTTP status of each code, in the order of their numbers. https://connectrpc.com/docs/protocol#error-codes */
const statuses = [499, 500, 400, 504, 404, 409, 403, 429, 400, 409, 400, 501, 500, 503, 500, 401]

/** The HTTP status that a code is answered with. */
export function statusOf(code: Code): number {
  return statuses[codeToNumber(code) - 1] ?? 500
}

/** What was asked for, and what the handler wants to be sent with it: trailers go as headers with `trailer-` before their names. */
export function messageReply(context: ServerContext, contentType: string, body: Uint8Array): Reply {
  return { status: 200, fields: ['content-type', contentType, ...metadataOf(context)], body }
}

/** An error as Connect has it: `{ code, message, details }`. https://connectrpc.com/docs/protocol#error-end-stream */
export function errorReply(error: RpcError, context?: ServerContext, status: number = statusOf(error.code)): Reply {
  const { code, rawMessage: message } = error
  const fields = ['content-type', 'application/json']
  const details = error.details.map(({ type, value }) => ({ type, value: Buffer.from(value).toString('base64').replace(/=+$/, '') }))
  try {
    if (context !== undefined) fields.push(...metadataOf(context))
    fields.push(...fieldsOf(new Headers(error.metadata)))
  } catch {
    // What may not be sent is left out: the error itself goes out in any case.
  }
  return { status, fields, body: JSON.stringify({ code, message, ...(details.length > 0 && { details }) }) }
}

/** An answer in plain words, for those who did not make a call. */
export function textReply(status: number, text: string, ...fields: string[]): Reply {
  return { status, fields: ['content-type', 'text/plain', ...fields], body: `${text}\n` }
}

function metadataOf({ madeHeaders, madeTrailers }: ServerContext): string[] {
  return [...fieldsOf(madeHeaders), ...fieldsOf(madeTrailers).map((text, index) => (index % 2 === 0 ? `trailer-${text}` : text))]
}

/** Throws `invalid_argument` naming a header that HTTP/2 carries and HTTP/1.1 does not: what came from elsewhere may be any. */
function fieldsOf(metadata: Iterable<readonly [string, HeaderValue]> = []): string[] {
  const fields: string[] = []
  writeMetadata(metadata, fields)
  for (let i = 0; i < fields.length; i += 2) {
    const name = fields[i] as string
    try {
      validateHeaderValue(name, fields[i + 1] as string)
    } catch (cause) {
      throw new RpcError('invalid_argument', `header ${name}: ${(cause as Error).message}`, { cause })
    }
    if (name === 'trailer') throw new RpcError('invalid_argument', 'header trailer: says what comes after chunks, of which there are none')
  }
  return fields
}
