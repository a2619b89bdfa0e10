import { RpcError } from '../../error.ts'
import { Headers } from '../../headers.ts'
import { sizeOf, writeMetadata } from './metadata.ts'
import { fieldsOfError } from './status.ts'

/** The trailers that tell of an error, with those that its handler made; within `most` bytes, if need be shortened. */
export function errorFields(error: RpcError, trailers: Headers | undefined, most: number): string[] {
  const fields = fieldsOfError(error)
  try {
    if (trailers !== undefined) writeMetadata(trailers, fields)
    writeMetadata(new Headers(error.metadata), fields)
  } catch (problem) {
    // The status goes out in any case; it also tells what became of the metadata.
    const { code, rawMessage, details } = error
    return errorFields(new RpcError(code, `${rawMessage} (${RpcError.from(problem).rawMessage})`, { details }), undefined, most)
  }
  if (sizeOf(fields) <= most) return fields
  const shortened = `${error.rawMessage.slice(0, 1024)} (shortened: over the caller's limit of ${most} bytes)`
  return fieldsOfError(new RpcError(error.code, shortened))
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
