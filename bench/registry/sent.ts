import { Socket } from 'node:net'
import { now } from './clock.ts'

const preface = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')
const data = 0

/**
 * Notes from now on when this process sends messages of gRPC, requests and those on streams alike, on the clock of {@link now}. It looks at the
 * frames that sockets write, which costs etcd nothing: there a message counts when it was sent, however late it is taken. None may be larger than a frame.
 */
export function noteSent(): readonly number[] {
  const times: number[] = []
  const { write } = Socket.prototype
  Socket.prototype.write = function (this: Socket, ...args: unknown[]) {
    const [bytes] = args
    if (Buffer.isBuffer(bytes)) for (let left = messages(bytes); left > 0; left--) times.push(now())
    return Reflect.apply(write, this, args)
  }
  return times
}

/** Of whole frames: a length in three bytes, then the type; nine bytes in all (RFC 9113, section 4.1). */
function messages(bytes: Buffer): number {
  let count = 0
  let at = bytes.subarray(0, preface.length).equals(preface) ? preface.length : 0
  while (at + 9 <= bytes.length) {
    const isData = bytes[at + 3] === data
    const end = at + 9 + bytes.readUIntBE(at, 3)
    // A frame may have several messages: a flag, a length in four bytes, and so much.
    for (at += 9; isData && at + 5 <= end; at += 5 + bytes.readUInt32BE(at + 1)) count += 1
    at = end
  }
  return count
}
