import { RpcError } from '../../error.ts'
import { Headers } from '../../headers.ts'
import { sizeOf, writeMetadata } from './metadata.ts'
import { fieldsOfError } from './status.ts'

/** How long the headers and trailers of a call may be, and why. */
export interface HeaderRoom {
  /** Bytes, as SETTINGS_MAX_HEADER_LIST_SIZE counts. */
  readonly most: number
  readonly why: string
}

/** What a caller takes that is not behind with reading. */
export function roomOf(most: number): HeaderRoom {
  return { most, why: `over the caller's limit of ${most} bytes` }
}

/** For a caller that has left much unread. */
export const scarce: HeaderRoom = { most: 256, why: 'too much waits to be sent to the caller (server.maxBufferBytes)' }

/** The trailers that tell of an error, with those that its handler made; shortened, if need be. */
export function errorFields(error: RpcError, trailers: Headers | undefined, room: HeaderRoom): string[] {
  const fields = fieldsOfError(error)
  try {
    if (trailers !== undefined) writeMetadata(trailers, fields)
    writeMetadata(new Headers(error.metadata), fields)
  } catch (problem) {
    // The status goes out in any case; it also tells what became of the metadata.
    const { code, rawMessage, details } = error
    return errorFields(new RpcError(code, `${rawMessage} (${RpcError.from(problem).rawMessage})`, { details }), undefined, room)
  }
  const { most, why } = room
  if (sizeOf(fields) <= most) return fields
  return fieldsOfError(new RpcError(error.code, `${error.rawMessage.slice(0, Math.min(1024, most / 4))} (shortened: ${why})`))
}

/**
 * What goes before an error, in a block of its own, where a handler made headers before it failed: in one block with the error they would be trailers
 * to the caller. Undefined where it made none, or none that can be sent: the error is worth more than they are.
 */
export function headersBefore(usual: readonly string[], made: Headers | undefined, most: number): string[] | undefined {
  if (made === undefined || made.size === 0) return undefined
  const fields = [...usual]
  try {
    writeMetadata(made, fields)
  } catch {
    return undefined
  }
  return sizeOf(fields) <= most ? fields : undefined
}
