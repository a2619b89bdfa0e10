import { frame } from '../support/raw-http2.ts'

/** Bytes of a flood. What holds on to them all is found; whoever keeps to its limits holds a fraction of them. */
export const floodBytes = 50_331_648

/** What is said again and again, and how. */
export interface Flood {
  /** A good conversation. */
  readonly frames: readonly Uint8Array[]
  /** Where the frames that are repeated begin. What comes before is said once. */
  readonly first: number
  readonly count: number
  /** Each time on another stream. */
  readonly moving: boolean
  /** No stream is ended. */
  readonly endless: boolean
}

/** Those that do the most harm: streams without number that are begun and not ended. */
export function worst(frames: readonly Uint8Array[]): Flood[] {
  return frames.flatMap((one, first) => (one[3] === 1 ? [{ frames, first, count: 2, moving: true, endless: true }] : []))
}

/** Any other. */
export function anyFlood(conversations: readonly (readonly Uint8Array[])[], random: () => number): Flood {
  const below = (most: number): number => Math.floor(random() * most)
  const frames = conversations[below(conversations.length)] ?? []
  return { frames, first: below(frames.length), count: 1 + below(3), moving: random() < 0.7, endless: random() < 0.7 }
}

/** Its bytes, in pieces. */
export function* poured({ frames, first, count, moving, endless }: Flood): Generator<Buffer> {
  const repeated = frames.slice(first, first + count).map((one) => Buffer.from(one))
  yield Buffer.concat(frames.slice(0, first))
  let id = 101
  let chunk: Buffer[] = []
  let length = 0
  for (let sent = 0; sent < floodBytes; id += 2) {
    for (const one of repeated) {
      const piece = one.length >= 9 && one[0] !== 0x50 ? again(one, moving ? id : 0, endless) : one
      chunk.push(piece)
      length += piece.length
    }
    if (length < 65_536) continue
    yield Buffer.concat(chunk)
    sent += length
    chunk = []
    length = 0
  }
}

/** The same frame, on another stream if that is not 0 and it has one. */
function again(one: Buffer, id: number, endless: boolean): Buffer {
  const type = one[3] as number
  const flags = endless && type < 2 ? (one[4] as number) & ~1 : (one[4] as number)
  const stream = one.readUInt32BE(5)
  return frame(type, flags, stream === 0 || id === 0 ? stream : id, one.subarray(9))
}
