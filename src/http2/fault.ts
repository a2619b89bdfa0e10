/** Error codes of RST_STREAM and GOAWAY. https://www.rfc-editor.org/rfc/rfc9113#section-7 */
export const ErrorCode = {
  noError: 0,
  protocolError: 1,
  internalError: 2,
  flowControlError: 3,
  settingsTimeout: 4,
  streamClosed: 5,
  frameSizeError: 6,
  refusedStream: 7,
  cancel: 8,
  compressionError: 9,
  connectError: 10,
  enhanceYourCalm: 11,
  inadequateSecurity: 12,
  http11Required: 13,
} as const

/** What ends a connection: an HTTP/2 error code, and whether this side or the peer found fault. */
export interface Fault extends Error {
  readonly http2: number
}

/** The error of a connection that cannot go on. */
export function fault(http2: number, message: string, cause?: unknown): Fault {
  return Object.assign(new Error(message, cause === undefined ? undefined : { cause }), { name: 'Http2Fault', http2 })
}

/** An error as a fault: one that already is stays, all others are `internalError` of this side. */
export function toFault(thrown: unknown): Fault {
  if (thrown instanceof Error && 'http2' in thrown) return thrown as Fault
  return fault(ErrorCode.internalError, thrown instanceof Error ? thrown.message : String(thrown), thrown)
}

const names: readonly string[] = Object.keys(ErrorCode).map((name) => name.replace(/[A-Z]/g, '_$&').toUpperCase())

/** `REFUSED_STREAM` for 7; the number for one that the RFC does not know. */
export function errorName(code: number): string {
  return names[code] ?? String(code)
}
