/** Memory that is used again for what is too large for an output buffer: fresh memory by the megabyte makes the garbage collector stop the process. */
const free: Buffer[] = []
let kept = 0
/** What is lent now. Memory that is never given back is collected as any other. */
const lent = new WeakSet<ArrayBufferLike>()

/** Bytes that are kept at most while nobody needs them. */
const most = 16_777_216

/** Lends at least so many bytes. */
export function borrow(bytes: number): Buffer {
  const fit = free.findIndex((one) => one.length >= bytes && one.length <= 4 * bytes)
  const [memory = Buffer.allocUnsafeSlow(2 ** Math.ceil(Math.log2(bytes)))] = fit < 0 ? [] : free.splice(fit, 1)
  if (fit >= 0) kept -= memory.length
  lent.add(memory.buffer)
  return memory
}

/** Takes back the memory behind `bytes`, which nobody may look at any more; does nothing where it was not lent. */
export function giveBack(bytes: Uint8Array): void {
  const { buffer } = bytes
  if (!lent.delete(buffer) || kept + buffer.byteLength > most) return
  kept += buffer.byteLength
  free.push(Buffer.from(buffer))
}
