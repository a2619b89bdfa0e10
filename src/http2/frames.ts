/** Frames of HTTP/2: their numbers and how their headers are written. https://www.rfc-editor.org/rfc/rfc9113#section-6 */

/** Types of frames, RFC 9113 section 6. */
export const DATA = 0
export const HEADERS = 1
export const PRIORITY = 2
export const RST_STREAM = 3
export const SETTINGS = 4
export const PUSH_PROMISE = 5
export const PING = 6
export const GOAWAY = 7
export const WINDOW_UPDATE = 8
export const CONTINUATION = 9

/** Flags of frames, RFC 9113 section 6. */
export const END_STREAM = 1
/** Flag of SETTINGS and PING. */
export const ACK = 1
export const END_HEADERS = 4
export const PADDED = 8
export const PRIORITIZED = 32

/** Bytes of every frame's header. */
export const frameHeader = 9
/** Payload bytes of the largest frame that is taken, and sent: the protocol's initial value. */
export const maxFrame = 16_384
/** Largest flow-control window. */
export const maxWindow = 0x7fffffff

/** What a client sends first. */
export const preface: Buffer = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'latin1')

/** Writes a frame's header; returns where its payload begins. */
export function writeFrameHeader(to: Uint8Array, at: number, length: number, type: number, flags: number, id: number): number {
  to[at] = length >>> 16
  to[at + 1] = length >>> 8
  to[at + 2] = length
  to[at + 3] = type
  to[at + 4] = flags
  return write32(to, at + 5, id)
}

/** Writes 32 bits, most significant first; returns where they end. */
export function write32(to: Uint8Array, at: number, value: number): number {
  to[at] = value >>> 24
  to[at + 1] = value >>> 16
  to[at + 2] = value >>> 8
  to[at + 3] = value
  return at + 4
}

/** Writes 16 bits, most significant first; returns where they end. */
export function write16(to: Uint8Array, at: number, value: number): number {
  to[at] = value >>> 8
  to[at + 1] = value
  return at + 2
}

/** Reads 32 bits as an unsigned number. */
export function read32(from: Buffer, at: number): number {
  return from.readUInt32BE(at)
}

/** Reads 31 bits; the first is reserved. */
export function read31(from: Buffer, at: number): number {
  return from.readUInt32BE(at) & 0x7fffffff
}

/** Copies all of `bytes`; returns where they end. Short ones by hand: a call of `set` costs more than the copy. */
export function copy(bytes: Uint8Array, to: Uint8Array, at: number): number {
  const { length } = bytes
  if (length > 64) to.set(bytes, at)
  else for (let i = 0; i < length; i++) to[at + i] = bytes[i] as number
  return at + length
}
