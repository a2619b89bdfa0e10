import type { Codec } from '../../codec.ts'
import type { MessageCodecs, Route } from '../../transport.ts'

const types: Readonly<Record<string, string>> = { json: 'application/json', proto: 'application/protobuf' }

/** The content type of a codec's messages. */
export function typeOf({ name }: Codec): string {
  return types[name] ?? `application/${name}`
}

/** The codecs of a route for a content type; without one they are the method's own. Undefined where the route has none for it. */
export function codecsFor({ method, codecs }: Route, type: string | undefined): MessageCodecs | undefined {
  const bare = type?.split(';')[0]?.trim().toLowerCase()
  if (bare === undefined || bare === '' || bare === typeOf(method.input)) return method
  const name = Object.keys(codecs ?? {}).find((one) => (types[one] ?? `application/${one}`) === bare)
  return name === undefined ? undefined : codecs?.[name]
}
