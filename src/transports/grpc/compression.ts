import { constants, gunzipSync, gzipSync } from 'node:zlib'
import { RpcError } from '../../error.ts'
import { giveBack } from '../../http2/lending.ts'

/** How messages can be compressed. https://github.com/grpc/grpc/blob/master/doc/compression.md */
export type Compression = 'gzip'

/** What this side can read, as `grpc-accept-encoding` has it. */
export const accepted = 'identity,gzip'

/** Messages below this many bytes are sent as they are: gzip's own 18 bytes and the time are not worth it. */
const worthIt = 1024

/** The message compressed, whose memory is given back if it was lent; or `undefined` when it is better sent as it is. */
export function compress(message: Uint8Array): Uint8Array | undefined {
  if (message.length < worthIt) return undefined
  // The lowest level: most of the gain for a third of the time, which everything else in the process has to wait for.
  const bytes = gzipSync(message, { level: constants.Z_BEST_SPEED })
  if (bytes.length >= message.length) return undefined
  giveBack(message)
  return bytes
}

/**
 * A message as it was before it was compressed. Throws `resource_exhausted` when it would be over the limit, without
 * inflating more than that; `internal` when it cannot be read.
 */
export function decompress(bytes: Uint8Array, encoding: string, maxReceiveBytes: number): Uint8Array {
  if (encoding !== 'gzip') throw wrong(`message is compressed by ${encoding}; ${accepted} can be read`)
  // Some peers do not compress what is empty, and say that they did.
  if (bytes.length === 0) return bytes
  try {
    const { buffer, byteOffset, byteLength } = gunzipSync(bytes, { maxOutputLength: maxReceiveBytes })
    return new Uint8Array(buffer, byteOffset, byteLength)
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'ERR_BUFFER_TOO_LARGE')
      throw wrong(`message cannot be decompressed: ${(cause as Error).message}`, cause)
    const text = `message of ${bytes.length} compressed bytes is over the limit of ${maxReceiveBytes} (maxReceiveBytes) when inflated`
    throw new RpcError('resource_exhausted', text, { cause, outbound: true })
  }
}

/** The error for bytes that are not as the protocol has them. */
export function wrong(text: string, cause?: unknown): RpcError {
  return new RpcError('internal', text, { outbound: true, ...(cause !== undefined && { cause }) })
}

/** Whether a `grpc-accept-encoding` contains gzip. */
export function acceptsGzip(value: string): boolean {
  return value.split(',').some((one) => one.trim() === 'gzip')
}
