import { isUtf8 } from 'node:buffer'
import { type Code, codeFromNumber, codeToNumber, type ErrorDetail, RpcError } from '../../error.ts'
import type { Headers } from '../../headers.ts'
import { readStatusDetails, writeStatusDetails } from './status-details.ts'

/** Codes for answers that are not gRPC's. https://github.com/grpc/grpc/blob/master/doc/http-grpc-status-mapping.md */
export function codeOfHttpStatus(status: number): Code {
  switch (status) {
    case 400:
      return 'internal'
    case 401:
      return 'unauthenticated'
    case 403:
      return 'permission_denied'
    case 404:
      return 'unimplemented'
    case 429:
    case 502:
    case 503:
    case 504:
      return 'unavailable'
    default:
      return 'unknown'
  }
}

const codeOfReset: Readonly<Record<number, Code>> = { 7: 'unavailable', 8: 'canceled', 11: 'resource_exhausted', 12: 'permission_denied' }

/** The code of a call whose stream was reset with this HTTP/2 error code. https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md#errors */
export function codeOfHttp2Error(code: number): Code {
  return codeOfReset[code] ?? 'internal'
}

/** `grpc-message`: UTF-8 with everything but printable ASCII percent-encoded, and spaces at its ends, which HTTP/2 forbids. */
export function writeMessage(text: string): string {
  if (/^[\x20-\x24\x26-\x7e]*$/.test(text) && !/^ | $/.test(text)) return text
  return Buffer.from(text)
    .toString('latin1')
    .replace(/[^\x20-\x24\x26-\x7e]|^ | $/g, (one) => `%${one.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`)
}

/** The text of a `grpc-message`, also of peers that send UTF-8 as it is; what is no UTF-8 stays as it is. */
export function readMessage(text: string): string {
  const decoded = text.replace(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
  const bytes = Buffer.from(decoded, 'latin1')
  return isUtf8(bytes) ? bytes.toString() : text
}

/** What a peer said about how a call ended. */
export interface Status {
  readonly code: number
  readonly message: string
  /** `grpc-status-details-bin`, as it came. */
  readonly details: string
}

/** The error that a peer's status other than 0 stands for. */
export function errorOfStatus(status: Status, trailers: Headers): RpcError {
  const details: readonly ErrorDetail[] = status.details === '' ? [] : readStatusDetails(Buffer.from(status.details, 'base64'))
  return new RpcError(codeFromNumber(status.code), readMessage(status.message), { details, metadata: trailers, outbound: true })
}

/** Names and values of an error's status. */
export function fieldsOfError(error: RpcError): string[] {
  const number = codeToNumber(error.code)
  const fields = ['grpc-status', String(number), 'grpc-message', writeMessage(error.rawMessage)]
  if (error.details.length > 0)
    fields.push(
      'grpc-status-details-bin',
      writeStatusDetails(number, error.rawMessage, error.details).toString('base64').replace(/=+$/, ''),
    )
  return fields
}
