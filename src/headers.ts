import { RpcError } from './error.ts'

/** A header's value: text, or bytes where the name ends in `-bin`. */
export type HeaderValue = string | Uint8Array

/** What headers can be made from: an object, or pairs. */
export type HeadersInit = Readonly<Record<string, HeaderValue | readonly HeaderValue[]>> | Iterable<readonly [string, HeaderValue]>

const validName = /^[0-9a-z_.-]+$/
const validText = /^[\x20-\x7e]*$/
const none: readonly HeaderValue[] = []

/**
 * The metadata of a call: names are lower case, a name may occur more than once, names ending in `-bin` hold bytes.
 * Rules: https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md ("Custom-Metadata").
 */
export class Headers implements Iterable<readonly [string, HeaderValue]> {
  /** Names and values in turn; shared empty array until something is added. */
  #flat: HeaderValue[] = none as HeaderValue[]

  constructor(init?: HeadersInit) {
    if (init === undefined) return
    const pairs = Symbol.iterator in init ? init : Object.entries(init)
    for (const [name, value] of pairs as Iterable<[string, HeaderValue | readonly HeaderValue[]]>) {
      if (Array.isArray(value)) for (const one of value as HeaderValue[]) this.append(name, one)
      else this.append(name, value as HeaderValue)
    }
  }

  /** How many values there are. */
  get size(): number {
    return this.#flat.length / 2
  }

  /** The first value of a name, if it is text. */
  get(name: string): string | undefined {
    const value = this.#first(name)
    return typeof value === 'string' ? value : undefined
  }

  /** The first value of a name that ends in `-bin`. */
  getBytes(name: string): Uint8Array | undefined {
    const value = this.#first(name)
    return typeof value === 'string' ? undefined : value
  }

  /** Every value of a name, in order. */
  getAll(name: string): readonly HeaderValue[] {
    const key = name.toLowerCase()
    return [...this].filter(([one]) => one === key).map(([, value]) => value)
  }

  has(name: string): boolean {
    return this.#first(name) !== undefined
  }

  /** Replaces every value of a name. Throws `invalid_argument` as {@link append} does. */
  set(name: string, value: HeaderValue): this {
    const key = checked(name, value)
    this.delete(key)
    this.appendTrusted(key, value)
    return this
  }

  /** Adds a value. Throws `invalid_argument` naming the header when the name or the value cannot travel. */
  append(name: string, value: HeaderValue): this {
    this.appendTrusted(checked(name, value), value)
    return this
  }

  /** {@link append} without checks, for transports that have checked the name and value already. */
  appendTrusted(name: string, value: HeaderValue): void {
    if (this.#flat === none) this.#flat = [name, value]
    else this.#flat.push(name, value)
  }

  delete(name: string): void {
    const key = name.toLowerCase()
    if (!this.has(key)) return
    const kept: HeaderValue[] = []
    for (const [one, value] of this) if (one !== key) kept.push(one, value)
    this.#flat = kept
  }

  *[Symbol.iterator](): Generator<readonly [string, HeaderValue]> {
    const flat = this.#flat
    for (let i = 0; i < flat.length; i += 2) yield [flat[i] as string, flat[i + 1] as HeaderValue]
  }

  #first(name: string): HeaderValue | undefined {
    const key = name.toLowerCase()
    const flat = this.#flat
    for (let i = 0; i < flat.length; i += 2) if (flat[i] === key) return flat[i + 1]
    return undefined
  }
}

/** The name in lower case, if name and value can travel. */
function checked(name: string, value: HeaderValue): string {
  const key = name.toLowerCase()
  if (!validName.test(key)) throw new RpcError('invalid_argument', `header name ${JSON.stringify(name)}: only a-z 0-9 _ . - are allowed`)
  if (key.endsWith('-bin') ? !(value instanceof Uint8Array) : typeof value !== 'string') {
    throw new RpcError(
      'invalid_argument',
      `header ${key}: ${key.endsWith('-bin') ? 'needs bytes (Uint8Array)' : 'needs a string; bytes go under a name that ends in -bin'}`,
    )
  }
  if (typeof value === 'string' && !validText.test(value)) {
    throw new RpcError('invalid_argument', `header ${key}: only printable ASCII is allowed; other text goes as bytes under ${key}-bin`)
  }
  return key
}
