import { ErrorCode, fault } from './fault.ts'

/**
 * Lengths in bits of the codes of bytes 0 … 255 and of the end. The codes themselves follow: the shorter first, and by
 * value among those of one length. https://www.rfc-editor.org/rfc/rfc7541#appendix-B
 */
// biome-ignore format: a table
const lengths: readonly number[] = [
  13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 28,
  6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6, 5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10,
  13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6,
  15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5, 6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28,
  20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23, 24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24,
  22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23, 21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23,
  26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25, 19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27,
  20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23, 26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26,
  30,
]
const end = 256

/** A decoder's state is an inner node of the code tree; half a byte leads to the next one and yields at most one symbol. */
interface Machine {
  /** By state × 16 + half byte: the next state, or -1 where no code goes on like this. */
  readonly next: Int16Array
  /** The same: the byte that was completed, or -1. */
  readonly emitted: Int16Array
  /** 1 for states that only padding leads to: at most 7 one-bits from the root. */
  readonly mayEnd: Uint8Array
}

const machine = build()

function build(): Machine {
  const tree: [number, number][] = [[-1, -1]]
  const symbols: number[] = [-1]
  let code = 0
  let length = 0
  for (const symbol of [...lengths.keys()].sort((a, b) => at(a) - at(b) || a - b)) {
    code *= 2 ** (at(symbol) - length)
    length = at(symbol)
    let node = 0
    for (let bit = length - 1; bit >= 0; bit--) {
      const branch = tree[node] as [number, number]
      const side = (code >>> bit) & 1
      if (branch[side] === -1) {
        branch[side] = tree.length
        tree.push([-1, -1])
        symbols.push(-1)
      }
      node = branch[side] as number
    }
    symbols[node] = symbol
    code++
  }
  const next = new Int16Array(tree.length * 16)
  const emitted = new Int16Array(tree.length * 16).fill(-1)
  const mayEnd = new Uint8Array(tree.length)
  for (let state = 0; state < tree.length; state++) {
    if (symbols[state] !== -1) continue
    for (let half = 0; half < 16; half++) {
      let node = state
      for (let bit = 3; bit >= 0 && node !== -1; bit--) {
        node = tree[node]?.[(half >> bit) & 1] ?? -1
        const symbol = symbols[node] ?? -1
        if (symbol === end) node = -1
        else if (symbol !== -1) {
          emitted[state * 16 + half] = symbol
          node = 0
        }
      }
      next[state * 16 + half] = node
    }
  }
  for (let node = 0, ones = 0; ones <= 7; ones++, node = tree[node]?.[1] ?? 0) mayEnd[node] = 1
  return { next, emitted, mayEnd }
}

function at(symbol: number): number {
  return lengths[symbol] as number
}

/** Reads a Huffman-coded string. The shortest code has 5 bits, so the text is at most 1.6 times as long. Throws a compression fault. */
export function huffmanDecode(from: Buffer, start: number, stop: number): string {
  const { next, emitted, mayEnd } = machine
  const text = Buffer.allocUnsafe(Math.ceil((stop - start) * 1.6))
  let length = 0
  let state = 0
  for (let i = start; i < stop; i++) {
    const byte = from[i] as number
    for (let shift = 4; shift >= 0; shift -= 4) {
      const index = state * 16 + ((byte >> shift) & 15)
      const symbol = emitted[index] as number
      if (symbol !== -1) text[length++] = symbol
      state = next[index] as number
      if (state === -1) throw fault(ErrorCode.compressionError, 'header string is not Huffman code')
    }
  }
  if (mayEnd[state] !== 1) throw fault(ErrorCode.compressionError, 'header string has wrong Huffman padding')
  return text.toString('latin1', 0, length)
}
