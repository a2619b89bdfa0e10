import type { Fields } from './fields.ts'
import { entryOverhead, initialTableSize, staticCount, staticNames, staticValues } from './table.ts'

/** Values that no table on the way may keep. https://www.rfc-editor.org/rfc/rfc7541#section-7.1.3 */
const secret = new Set(['authorization', 'proxy-authorization', 'cookie', 'set-cookie'])

const staticIndex = new Map<string, number>()
for (let i = staticCount; i > 0; i--) {
  staticIndex.set(staticNames[i] as string, i)
  staticIndex.set(`${staticNames[i]}\0${staticValues[i]}`, i)
}

/**
 * HPACK's encoder. Its dynamic table only grows, and stays as it is when full: so a block that inserted nothing means the
 * same until {@link Encoder.version} changes, and may be kept and sent again as it is.
 */
export class Encoder {
  /** Changes with every insertion, because that moves the indices. */
  version = 0
  /** Positions in order of insertion, by `name\0value`, and by name. */
  readonly #entries = new Map<string, number>()
  #count = 0
  #size = 0
  #max = initialTableSize
  /** The table was made smaller, which the next block has to say. */
  #shrunk = false

  /** Takes the peer's SETTINGS_HEADER_TABLE_SIZE. More than 4096 octets are never used. */
  resize(size: number): void {
    const max = Math.min(size, initialTableSize)
    if (max === this.#max) return
    this.#max = max
    this.#entries.clear()
    this.#count = this.#size = 0
    this.#shrunk = true
    this.version++
  }

  /**
   * Encodes fields for sending now. Of the first `stable` names and values, those that are new enter the table. If
   * {@link Encoder.version} changed meanwhile, the bytes may be sent once only.
   */
  encode(fields: Fields, stable: number): Uint8Array {
    const bytes: number[] = []
    if (this.#shrunk) {
      integer(bytes, 0x20, 5, 0)
      integer(bytes, 0x20, 5, this.#max)
      this.#shrunk = false
      this.version++
    }
    for (let i = 0; i < fields.length; i += 2) this.#field(bytes, fields[i] as string, fields[i + 1] as string, i < stable)
    return Uint8Array.from(bytes)
  }

  #field(to: number[], name: string, value: string, stable: boolean): void {
    const hidden = secret.has(name)
    const key = `${name}\0${value}`
    const whole = hidden ? 0 : this.#index(key)
    if (whole !== 0) {
      integer(to, 0x80, 7, whole)
      return
    }
    const named = this.#index(name)
    const size = name.length + value.length + entryOverhead
    // Of a name that is not static, one value is enough: others, as of grpc-timeout, would fill the table.
    if (stable && !hidden && named <= staticCount && this.#size + size <= this.#max) {
      integer(to, 0x40, 6, named)
      this.#entries.set(key, this.#count).set(name, this.#count)
      this.#count++
      this.#size += size
      this.version++
    } else integer(to, hidden ? 0x10 : 0, 4, named)
    if (named === 0) string(to, name)
    string(to, value)
  }

  #index(key: string): number {
    const fixed = staticIndex.get(key)
    if (fixed !== undefined) return fixed
    const position = this.#entries.get(key)
    return position === undefined ? 0 : staticCount + this.#count - position
  }
}

function integer(to: number[], first: number, bits: number, value: number): void {
  const mask = (1 << bits) - 1
  if (value < mask) {
    to.push(first | value)
    return
  }
  to.push(first | mask)
  let rest = value - mask
  for (; rest > 127; rest >>>= 7) to.push((rest & 127) | 128)
  to.push(rest)
}

function string(to: number[], text: string): void {
  integer(to, 0, 7, text.length)
  for (let i = 0; i < text.length; i++) to.push(text.charCodeAt(i) & 255)
}
