/** What a number takes with its tag, and a length with what writers want free behind it. */
const each = 32

/** Messages within messages up to here. */
const deepest = 100

/** As many bytes as a message may take, for all that is common: what takes more is not written in place. 0 for what protobuf-es has to see. */
export function bound(message: object): number {
  try {
    return sum(message, 0)
  } catch {
    // A getter. Or it is within itself, and to follow that would have no end.
    return 0
  }
}

function sum(value: unknown, depth: number): number {
  if (typeof value === 'string') return each + (value.length < 1024 ? value.length * 3 : Buffer.byteLength(value))
  if (typeof value !== 'object' || value === null) return each
  if (depth > deepest) throw new Error(`deeper than ${deepest}`)
  if (value instanceof Uint8Array) return each + value.length
  let all = each
  if (Array.isArray(value)) for (const one of value) all += sum(one, depth + 1)
  else for (const [key, one] of Object.entries(value)) all += key.length * 3 + sum(one, depth + 1)
  return all
}
