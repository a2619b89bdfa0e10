import { type DescField, type DescMessage, type Message, ScalarType } from '@bufbuild/protobuf'
import { isLeft, lengthType, MessageTypes, quoted, scalarOf, tagOf, wireTypeOf } from './fields.ts'

/** Messages within messages that protobuf-es reads. */
const deepest = 100

/** The source of a message type's {@link Compiled.read}, with the types and constants it refers to; `empty` is a message without anything set. */
export function readerSource(
  schema: DescMessage,
  empty: Message,
): { source: string; messages: readonly DescMessage[]; constants: readonly unknown[] } {
  const types = new MessageTypes()
  const constants: unknown[] = [Object.getPrototypeOf(empty), new Set(schema.fields.map(({ number }) => number))]
  const cases = schema.fields.filter((field) => !isLeft(field)).flatMap((field) => casesOf(field, types, constants))
  const source = `return function read(from, start, end, depth) {
if (depth > ${deepest}) return undefined
${emptySource(empty, constants)}
let at = start, tag = 0, n = 0, stop = 0, x, unknown
while (at < end) {
tag = from[at++]
if (tag > 127) {
tag = longTag(from, at - 1)
at = cursor.at
}
switch (tag) {
${cases.join('\n')}
default:
if (constants[1].has(tag >>> 3)) return undefined
stop = skip(from, at, end, tag)
if (!(stop > 0)) return undefined
unknown ??= []
unknown.push({ no: tag >>> 3, wireType: tag & 7, data: copied(from, at, stop) })
at = stop
}
}
if (at !== end) return undefined
if (unknown !== undefined) m.$unknown = unknown
return m
}`
  return { source, messages: types.list, constants }
}

/** Makes `m` as protobuf-es's `create` does, its properties in the same order. */
function emptySource(empty: Message, constants: unknown[]): string {
  const properties = Object.entries(empty).map(([name, value]) => [quoted(name), constantSource(value, constants)] as const)
  if (constants[0] === Object.prototype)
    return `const m = {\n${properties.map(([name, value]) => `${name === '"__proto__"' ? `[${name}]` : name}: ${value}`).join(',\n')}\n}`
  return ['const m = Object.create(constants[0])', ...properties.map(([name, value]) => `m[${name}] = ${value}`)].join('\n')
}

function constantSource(value: unknown, constants: unknown[]): string {
  if (typeof value === 'string') return quoted(value)
  if (value === 0 && !Object.is(value, -0)) return '0'
  if (value === false) return 'false'
  if (Array.isArray(value)) return '[]'
  if (typeof value === 'object' && value !== null && !(value instanceof Uint8Array)) return 'case' in value ? '{ case: undefined }' : '{}'
  return `constants[${constants.push(value) - 1}]`
}

function casesOf(field: DescField, types: MessageTypes, constants: unknown[]): string[] {
  const name = quoted(field.localName)
  const { message, number } = field
  const delimitedTag = tagOf(number, lengthType)
  switch (field.fieldKind) {
    case 'map':
      return [`case ${delimitedTag}: {\n${entrySource(field, types, constants)}\nbreak\n}`]
    case 'list': {
      if (message !== undefined) return [`case ${delimitedTag}:\n${childSource(message, 'end', types)}\nm[${name}].push(x)\nbreak`]
      const scalar = scalarOf(field)
      const one = `${scalarSource(scalar, 'end', field)}\nm[${name}].push(x)\nbreak`
      const cases = [`case ${tagOf(number, wireTypeOf(scalar))}:\n${one}`]
      if (wireTypeOf(scalar) !== lengthType)
        cases.push(
          `case ${delimitedTag}: {\n${lengthSource('end')}\nconst last = stop\nwhile (at < last) {\n${scalarSource(scalar, 'last', field)}\nm[${name}].push(x)\n}\nif (at !== last) return undefined\nbreak\n}`,
        )
      return cases
    }
    case 'message': {
      const before = field.oneof === undefined ? `m[${name}] !== undefined` : `m[${quoted(field.oneof.localName)}].case === ${name}`
      // Two of them become one; that is left to protobuf-es.
      return [
        `case ${delimitedTag}:\nif (${before}) return undefined\n${childSource(field.message, 'end', types)}\n${setSource(field)}\nbreak`,
      ]
    }
    default: {
      const scalar = scalarOf(field)
      const known =
        field.enum === undefined || field.enum.open
          ? ''
          : `if (!constants[${constants.push(new Set(field.enum.values.map((value) => value.number))) - 1}].has(x)) return undefined\n`
      return [`case ${tagOf(number, wireTypeOf(scalar))}:\n${scalarSource(scalar, 'end', field)}\n${known}${setSource(field)}\nbreak`]
    }
  }
}

function setSource({ localName, oneof }: DescField): string {
  return oneof === undefined ? `m[${quoted(localName)}] = x` : `m[${quoted(oneof.localName)}] = { case: ${quoted(localName)}, value: x }`
}

function entrySource(field: DescField & { fieldKind: 'map' }, types: MessageTypes, constants: unknown[]): string {
  const { mapKey, message } = field
  const scalar = scalarOf(field)
  const value = message === undefined ? scalarSource(scalar, 'last') : childSource(message, 'last', types)
  const none =
    message !== undefined
      ? `${types.of(message)}.read(from, 0, 0, depth + 1)`
      : scalar === ScalarType.BYTES
        ? 'new Uint8Array(0)'
        : constantSource(field.enum?.values[0]?.number ?? zeroOf(scalar), constants)
  return `${lengthSource('end')}
const last = stop
let key, one
while (at < last) {
tag = from[at++]
if (tag === ${tagOf(1, wireTypeOf(mapKey))} && key === undefined) {
${scalarSource(mapKey, 'last')}
key = x
} else if (tag === ${tagOf(2, message === undefined ? wireTypeOf(scalar) : lengthType)} && one === undefined) {
${value}
one = x
} else return undefined
}
if (at !== last || key === '__proto__') return undefined
m[${quoted(field.localName)}][key ?? ${constantSource(zeroOf(mapKey), constants)}] = one ?? ${none}`
}

function zeroOf(type: ScalarType): unknown {
  switch (type) {
    case ScalarType.STRING:
      return ''
    case ScalarType.BOOL:
      return false
    case ScalarType.INT64:
    case ScalarType.UINT64:
    case ScalarType.SINT64:
    case ScalarType.FIXED64:
    case ScalarType.SFIXED64:
      return 0n
    default:
      return 0
  }
}

/** Reads a length into `n`, and where what has it ends into `stop`. */
function lengthSource(end: string): string {
  return `${numberSource}\nstop = at + n\nif (stop > ${end}) return undefined`
}

const numberSource = `n = from[at++]
if (n > 127) {
n = varint(from, at - 1)
at = cursor.at
}`

function childSource(message: DescMessage, end: string, types: MessageTypes): string {
  return `${lengthSource(end)}
x = ${types.of(message)}.read(from, at, stop, depth + 1)
if (x === undefined) return undefined
at += n`
}

/** Reads a value into `x`. What it reads beyond its end is found out at the end. */
function scalarSource(type: ScalarType, end: string, field?: DescField): string {
  const text = field !== undefined && 'longAsString' in field && field.longAsString
  const long = (call: string): string => (text ? `x = String(${call})` : `x = ${call}`)
  switch (type) {
    case ScalarType.STRING:
      return `${lengthSource(end)}\nx = text(from, at, stop)\nif (x === undefined) return undefined\nat = stop`
    case ScalarType.BYTES:
      return `${lengthSource(end)}\nx = taken(from, at, stop)\nat = stop`
    case ScalarType.BOOL:
      return `n = from[at++]\nif (n > 127) {\nx = bool(from, at - 1)\nat = cursor.at\n} else x = n !== 0`
    case ScalarType.DOUBLE:
      return 'x = double(from, at)\nat += 8'
    case ScalarType.FLOAT:
      return 'x = float(from, at)\nat += 4'
    case ScalarType.FIXED32:
      return 'x = sfixed32(from, at) >>> 0\nat += 4'
    case ScalarType.SFIXED32:
      return 'x = sfixed32(from, at)\nat += 4'
    case ScalarType.FIXED64:
      return `${long('fixed64(from, at)')}\nat += 8`
    case ScalarType.SFIXED64:
      return `${long('sfixed64(from, at)')}\nat += 8`
    case ScalarType.INT64:
      return `${long('int64(from, at)')}\nat = cursor.at`
    case ScalarType.UINT64:
      return `${long('uint64(from, at)')}\nat = cursor.at`
    case ScalarType.SINT64:
      return `${long('sint64(from, at)')}\nat = cursor.at`
    case ScalarType.SINT32:
      return `${numberSource}\nx = (n >>> 1) ^ -(n & 1)`
    case ScalarType.UINT32:
      return `${numberSource}\nx = n`
    default:
      return `${numberSource}\nx = n | 0`
  }
}
