/** Lent before and not needed now, the longest ago first. */
const free: Buffer[] = []
let kept = 0
/** What is lent now. Memory that is never given back is collected as any other. */
const lent = new WeakSet<ArrayBufferLike>()

/** Bytes that are kept at most while nobody needs them. */
const most = 4_194_304

/** Lengths are multiples of it, so that messages of about the same length have use for each other's memory. */
const grain = 65_536

/**
 * Lends at least so many bytes, and hardly more. For what is too large for an output buffer: V8 counts such memory, and marks its whole heap
 * again and again when much of it is fresh.
 */
export function borrow(bytes: number): Buffer {
  const length = Math.ceil(bytes / grain) * grain
  const fit = free.findIndex((one) => one.length >= bytes && one.length <= length + length / 8)
  const [memory = Buffer.allocUnsafeSlow(length)] = fit < 0 ? [] : free.splice(fit, 1)
  if (fit >= 0) kept -= memory.length
  lent.add(memory.buffer)
  return memory
}

/** Takes back the memory behind `bytes`, which nobody may look at any more; does nothing where it was not lent. */
export function giveBack(bytes: Uint8Array): void {
  const { buffer } = bytes
  if (buffer.byteLength > most || !lent.delete(buffer)) return
  kept += buffer.byteLength
  free.push(Buffer.from(buffer))
  while (kept > most) kept -= (free.shift() as Buffer).length
}
