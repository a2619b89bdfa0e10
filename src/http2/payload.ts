import { ErrorCode, fault } from './fault.ts'
import * as f from './frames.ts'

/** Where a frame's payload lies without its padding. Throws faults. */
export function unpad(flags: number, from: Buffer, start: number, end: number): { start: number; end: number } {
  if (!(flags & f.PADDED)) return { start, end }
  if (start === end) throw fault(ErrorCode.frameSizeError, 'padded frame is empty')
  const padded = { start: start + 1, end: end - (from[start] as number) }
  if (padded.end < padded.start) throw fault(ErrorCode.protocolError, 'more padding than payload')
  return padded
}

/** Whether a complete DATA frame of the stream, without padding and the last of it, lies at `at`. */
export function isWholeData(id: number, from: Buffer, at: number, limit: number): boolean {
  if (limit - at < f.frameHeader || from[at] !== 0 || from[at + 3] !== f.DATA || from[at + 4] !== f.END_STREAM) return false
  const length = ((from[at + 1] as number) << 8) | (from[at + 2] as number)
  return length <= f.maxFrame && at + f.frameHeader + length <= limit && f.read31(from, at + 5) === id
}
