import type { Socket } from 'node:net'
import { protobuf } from '../../../dist/codecs/protobuf.js'
import { HelloRequestSchema, HelloResponseSchema } from '../../../examples/gen/hello_pb.ts'
import type { Hello } from '../../harness/load.ts'

/** The floor: a length, a number, a message by beckon's codec; everything of a tick in one write. No protocol, no promise on the server, no limits. */
export const input = protobuf(HelloRequestSchema)
export const output = protobuf(HelloResponseSchema)

const head = 8

/** Gathers frames, and writes them when the tick's promises are done. */
export function sender(socket: Socket, codec: typeof input): (id: number, message: Hello) => void {
  let buffer = Buffer.allocUnsafeSlow(65_536)
  let from = 0
  let to = 0
  const flush = (): void => {
    if (from === to) return
    socket.write(buffer.subarray(from, to))
    from = to
    if (buffer.length - to > 8192) return
    buffer = Buffer.allocUnsafeSlow(65_536)
    from = to = 0
  }
  return (id, message) => {
    if (from === to) queueMicrotask(() => process.nextTick(flush))
    const end = codec.write?.(message as never, buffer, to + head, buffer.length) ?? -1
    buffer.writeUInt32BE(end - to - head, to)
    buffer.writeUInt32BE(id, to + 4)
    to = end
    if (to - from > 4096) flush()
  }
}

/** Takes frames apart. */
export function receiver(codec: typeof input, take: (id: number, message: Hello) => void): (chunk: Buffer) => void {
  let rest: Buffer | undefined
  return (chunk) => {
    const bytes = rest === undefined ? chunk : Buffer.concat([rest, chunk])
    rest = undefined
    let at = 0
    while (bytes.length - at >= head) {
      const end = at + head + bytes.readUInt32BE(at)
      if (end > bytes.length) break
      take(bytes.readUInt32BE(at + 4), codec.read?.(bytes, at + head, end) as never)
      at = end
    }
    if (at < bytes.length) rest = bytes.subarray(at)
  }
}
