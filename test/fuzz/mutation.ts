/** Numbers that break things more often than others. */
const odd = [0, 1, 2, 4, 8, 0x20, 0x7f, 0x80, 0xff]

/** A conversation with mistakes in it: frames lost, doubled and moved, bytes changed, lost and made up. */
export function mutated(frames: readonly Uint8Array[], random: () => number): Buffer {
  const below = (most: number): number => Math.floor(random() * most)
  const all: Buffer[] = frames.map((one) => Buffer.from(one))
  for (let left = 1 + below(3); left > 0 && all.length > 0; left--) {
    const at = below(all.length)
    const one = all[at] as Buffer
    switch (below(8)) {
      case 0:
        all.splice(at, 1)
        break
      case 1:
        for (let times = below(20); times >= 0; times--) all.splice(below(all.length + 1), 0, one)
        break
      case 2:
        all.splice(at, 1)
        all.splice(below(all.length + 1), 0, one)
        break
      case 3:
        for (let times = below(4); times >= 0; times--) one[below(one.length)] = odd[below(odd.length)] as number
        break
      case 4:
        // The frame's head: length, type, flags, stream.
        one[below(Math.min(9, one.length))] = random() < 0.5 ? below(256) : (odd[below(odd.length)] as number)
        break
      case 5:
        all[at] = one.subarray(0, below(one.length + 1))
        break
      case 6: {
        const cut = below(one.length + 1)
        all[at] = Buffer.concat([one.subarray(0, cut), Buffer.from(Array.from({ length: below(40) }, () => below(256))), one.subarray(cut)])
        break
      }
      default:
        if (one.length > 9) for (let times = below(8); times >= 0; times--) one[9 + below(one.length - 9)] = below(256)
    }
  }
  return Buffer.concat(all)
}
