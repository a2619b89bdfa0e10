/** What a number takes with its tag, and a length with what writers want free behind it. */
const each = 32

/** Messages within messages up to here. */
const deepest = 100

/** As many bytes as a value may take in a message, for all that is common: what takes more is not written in place. */
export function bound(value: unknown, depth: number): number {
  if (typeof value === 'string') return each + (value.length < 1024 ? value.length * 3 : Buffer.byteLength(value))
  if (typeof value !== 'object' || value === null || depth > deepest) return each
  if (value instanceof Uint8Array) return each + value.length
  let sum = each
  if (Array.isArray(value)) for (const one of value) sum += bound(one, depth + 1)
  else for (const [key, one] of Object.entries(value)) sum += key.length * 3 + bound(one, depth + 1)
  return sum
}
