import type { Codec } from '../../codec.ts'
import { RpcError } from '../../error.ts'
import { write32 } from '../../http2/frames.ts'
import { borrow } from '../../http2/lending.ts'
import type { Outgoing } from '../../http2/outgoing.ts'
import type { Output } from '../../http2/output.ts'
import type { Sender } from '../../http2/sender.ts'
import { type Compression, compress } from './compression.ts'
import { prefixLength } from './inbox.ts'

/** What messages go out by. */
export interface Way {
  readonly output: Output
  readonly sender: Sender
  /** Called before so many bytes are queued; throws when they must not be. */
  admit?(bytes: number): void
}

/** Messages from this many bytes on are sent from where they lie. */
const large = 4096

/** Sends a message of a stream: written right into the output where it can go out at once, else by way of the queue. Throws like {@link encodeMessage} and {@link Way.admit}. */
export function sendMessage(
  way: Way,
  outgoing: Outgoing,
  codec: Codec,
  message: unknown,
  compression: Compression | undefined,
  maxSendBytes: number,
): void {
  if (compression === undefined && sendInPlace(way, outgoing, codec, message, maxSendBytes)) return
  const bytes = lentMessage(codec, message, maxSendBytes)
  const compressed = compression && compress(bytes)
  const sent = compressed ?? bytes
  way.admit?.(sent.length)
  pushMessage(way.sender, outgoing, sent, compressed === undefined ? 0 : 1)
}

/** False when it cannot be; then nothing was sent. */
function sendInPlace({ sender, output }: Way, outgoing: Outgoing, codec: Codec, message: unknown, maxSendBytes: number): boolean {
  if (codec.write === undefined) return false
  const start = sender.place(outgoing)
  const { limit } = sender
  const at = start + prefixLength
  if (start < 0 || at > limit) return false
  const { buffer, length } = output
  const end = codec.write(message, buffer, at, Math.min(limit, at + maxSendBytes))
  // A message may have getters, and those may send something themselves, or end the stream.
  if (end < 0 || output.buffer !== buffer || output.length !== length || outgoing.ended) return false
  buffer[start] = 0
  write32(buffer, start + 1, end - at)
  sender.placed(outgoing, start, end)
  return true
}

/** Adds a message as it travels, and its flag, to what a stream has to send. */
export function pushMessage(sender: Sender, outgoing: Outgoing, message: Uint8Array, flag: 0 | 1): void {
  const bytes = Buffer.allocUnsafe(message.length < large ? prefixLength + message.length : prefixLength)
  bytes[0] = flag
  write32(bytes, 1, message.length)
  if (message.length >= large) sender.push(outgoing, message, bytes, message.buffer === scratch?.buffer)
  else {
    bytes.set(message, prefixLength)
    sender.push(outgoing, bytes)
  }
}

/** Where messages are encoded that are too large to be written in place, one at a time. */
let scratch: Buffer | undefined
let scratchTaken = false
const scratchLength = 262_144

/** {@link encodeMessage} for {@link pushMessage}: the bytes are only valid until the next message is encoded. */
export function lentMessage(codec: Codec, message: unknown, maxSendBytes: number): Uint8Array {
  // Taken while a getter of another message sends this one.
  if (codec.write === undefined || scratchTaken) return encodeMessage(codec, message, maxSendBytes)
  scratch ??= Buffer.allocUnsafeSlow(scratchLength)
  scratchTaken = true
  const end = codec.write(message, scratch, 0, Math.min(scratchLength, maxSendBytes))
  scratchTaken = false
  return end < 0 ? encodeMessage(codec, message, maxSendBytes, borrow) : scratch.subarray(0, end)
}

/** Encodes a message to send. Throws when it cannot be, and `resource_exhausted` when it is over the limit. */
export function encodeMessage(
  codec: Pick<Codec, 'encode'>,
  message: unknown,
  maxSendBytes: number,
  lend?: (bytes: number) => Buffer,
): Uint8Array {
  const bytes = codec.encode(message, lend)
  if (bytes.length <= maxSendBytes) return bytes
  throw new RpcError('resource_exhausted', `message of ${bytes.length} bytes is over the limit of ${maxSendBytes} (maxSendBytes)`)
}
