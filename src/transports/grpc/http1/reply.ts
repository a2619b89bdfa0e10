import { type Code, codeToNumber, type RpcError } from '../../../error.ts'
import { Headers } from '../../../headers.ts'
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
  let details: readonly object[] = []
  try {
    details = error.details.map(({ type, value }) => ({ type, value: Buffer.from(value).toString('base64').replace(/=+$/, '') }))
    if (context !== undefined) fields.push(...metadataOf(context))
    writeMetadata(new Headers(error.metadata), fields)
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
  const headers: string[] = []
  const trailers: string[] = []
  if (madeHeaders !== undefined) writeMetadata(madeHeaders, headers)
  if (madeTrailers !== undefined) writeMetadata(madeTrailers, trailers)
  return [...headers, ...trailers.map((text, index) => (index % 2 === 0 ? `trailer-${text}` : text))]
}
