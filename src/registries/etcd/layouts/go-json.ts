/** A JSON object of which nothing is known. */
export type Json = Readonly<Record<string, unknown>>

/** JSON as Go's encoding/json writes it, which escapes what could hurt in HTML. */
export function goJson(record: object): string {
  return JSON.stringify(record).replace(/[<>&\u2028\u2029]/g, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`)
}

/** Go writes maps in the order of their keys. */
export function sorted(map: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(map).sort(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b))))
}

/** The object that a value holds. Throws where it holds anything else. */
export function parseObject(value: string): Json {
  const record: unknown = JSON.parse(value)
  if (!isObject(record)) throw new Error('is not a JSON object')
  return record
}

/** Whether it is an object, and no array. */
export function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** A text, if it is one. */
export function text(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined
}

/** The objects in a list; none where it is no list. */
export function list(value: unknown): readonly Json[] {
  return Array.isArray(value) ? value.filter(isObject) : []
}

/** The texts in a map; none where it is no map. */
export function texts(value: unknown): Record<string, string> {
  if (!isObject(value)) return {}
  return Object.fromEntries(Object.entries(value).filter((entry): entry is [string, string] => typeof entry[1] === 'string'))
}
