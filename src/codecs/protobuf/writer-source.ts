import { type DescField, type DescMessage, ScalarType } from '@bufbuild/protobuf'
import { implicit, isLeft, lengthType, MessageTypes, quoted, required, scalarOf, tagOf, wireTypeOf } from './fields.ts'

/** Room that a tag and a number need at most. */
const room = 16

/** The source of a message type's {@link Compiled.write}, with the types it refers to. */
export function writerSource(schema: DescMessage): { source: string; messages: readonly DescMessage[] } {
  const types = new MessageTypes()
  const sorted = [...schema.fields].sort((a, b) => a.number - b.number)
  const lines = schema.oneofs.map(
    ({ localName }, i) => `const o${i} = m[${quoted(localName)}]
if (o${i} == null ? strict : typeof o${i} !== 'object') return -1
const c${i} = o${i} == null ? undefined : o${i}.case`,
  )
  for (const field of sorted) lines.push(fieldSource(field, schema, types))
  const source = `return function write(m, to, start, end) {
const strict = m.$typeName === ${quoted(schema.typeName)}
let at = start, v, w
${lines.join('\n')}
if (strict && m.$unknown !== undefined) return unknown(m.$unknown, to, at, end)
return at
}`
  return { source, messages: types.list }
}

function fieldSource(field: DescField, schema: DescMessage, types: MessageTypes): string {
  const name = quoted(field.localName)
  if (field.oneof !== undefined) {
    const i = schema.oneofs.indexOf(field.oneof)
    const body = isLeft(field) ? 'return -1' : `v = o${i}.value\n${valueSource(field, types)}`
    return `if (c${i} === ${name}) {\n${body}\n}`
  }
  const read = `v = m[${name}]`
  switch (field.fieldKind) {
    case 'list':
      return `${read}
if (Array.isArray(v)) {
if (v.length > 0) {\n${isLeft(field) ? 'return -1' : listSource(field, types)}\n}
} else if (strict || v != null) return -1`
    case 'map':
      return `${read}
if (isObject(v)) {
for (const key of Object.keys(v)) {\n${isLeft(field) ? 'return -1' : entrySource(field, types)}\n}
} else if (strict || v != null) return -1`
    default: {
      if (field.presence === implicit) {
        const scalar = scalarOf(field)
        return `${read}
if (${checkOf(scalar)}) {
if (${notZero(field)}) {\n${tagged(field.number, scalar)}\n}
} else if (strict || v != null) return -1`
      }
      const missing = field.presence === required ? ' else return -1' : ''
      return `${read}
if (v !== undefined && (strict ? hasOwn.call(m, ${name}) : v !== null)) {
${isLeft(field) ? 'return -1' : valueSource(field, types)}
}${missing}`
    }
  }
}

/** Writes `v`, the value of a singular field that is set. */
function valueSource(field: DescField, types: MessageTypes): string {
  const { message } = field
  if (message !== undefined) return childSource(field.number, message, 'v', types)
  const scalar = scalarOf(field)
  return `if (!(${checkOf(scalar)})) return -1\n${tagged(field.number, scalar)}`
}

function listSource(field: DescField & { fieldKind: 'list' }, types: MessageTypes): string {
  if (field.message !== undefined)
    return `const list = v
for (let i = 0; i < list.length; i++) {\nv = list[i]\n${childSource(field.number, field.message, 'v', types)}\n}`
  const scalar = scalarOf(field)
  const check = `v = list[i]\nif (!(${checkOf(scalar)})) return -1`
  if (!field.packed) return `const list = v\nfor (let i = 0; i < list.length; i++) {\n${check}\n${tagged(field.number, scalar)}\n}`
  return `const list = v
${delimited(field.number, `for (let i = 0; i < list.length; i++) {\n${check}\nif (at + ${room} > end) return -1\n${scalarSource(scalar)}\n}`, 'packed')}`
}

function entrySource(field: DescField & { fieldKind: 'map' }, types: MessageTypes): string {
  const value =
    field.message === undefined
      ? `if (!(${checkOf(scalarOf(field))})) return -1\n${tagged(2, scalarOf(field))}`
      : childSource(2, field.message, 'v', types)
  const body = `v = ${keySource(field.mapKey)}
if (!(${checkOf(field.mapKey)})) return -1
${tagged(1, field.mapKey)}
v = record[key]
${value}`
  return `const record = m[${quoted(field.localName)}]\n${delimited(field.number, body, 'entry')}`
}

function keySource(type: ScalarType): string {
  switch (type) {
    case ScalarType.BOOL:
      return `key === 'true' ? true : key === 'false' ? false : undefined`
    case ScalarType.INT32:
    case ScalarType.UINT32:
    case ScalarType.SINT32:
    case ScalarType.FIXED32:
    case ScalarType.SFIXED32:
      return 'Number.parseInt(key)'
    default:
      return 'key'
  }
}

/** Writes a message. A message's own are messages; an init object's are either. */
function childSource(number: number, message: DescMessage, value: string, types: MessageTypes): string {
  const body = `at = ${types.of(message)}.write(${value}, to, at, end)\nif (at < 0) return -1`
  return `if (!isObject(${value}) || (strict && ${value}.$typeName !== ${quoted(message.typeName)})) return -1
${delimited(number, body, 'child')}`
}

/** Writes a tag, and what `body` writes with its length. */
function delimited(number: number, body: string, name: string): string {
  return `if (at + ${room} > end) return -1
${tagSource(tagOf(number, lengthType))}
const ${name} = ++at
${body}
at = prefix(to, ${name}, at, end)
if (at < 0) return -1`
}

function tagSource(tag: number): string {
  const bytes: string[] = []
  let rest = tag
  for (; rest > 127; rest >>>= 7) bytes.push(`to[at++] = ${(rest & 127) | 128}`)
  return [...bytes, `to[at++] = ${rest}`].join('\n')
}

function tagged(number: number, type: ScalarType): string {
  return `if (at + ${room} > end) return -1\n${tagSource(tagOf(number, wireTypeOf(type)))}\n${scalarSource(type)}`
}

/** Whether `v` is a value of the type as it is; 64-bit ones are put into `w`. */
function checkOf(type: ScalarType): string {
  switch (type) {
    case ScalarType.STRING:
      return `typeof v === 'string'`
    case ScalarType.BOOL:
      return `typeof v === 'boolean'`
    case ScalarType.BYTES:
      return 'v instanceof Uint8Array'
    case ScalarType.DOUBLE:
      return `typeof v === 'number'`
    case ScalarType.FLOAT:
      return 'isFloat(v)'
    case ScalarType.UINT32:
    case ScalarType.FIXED32:
      return `typeof v === 'number' && v >>> 0 === v`
    case ScalarType.INT64:
    case ScalarType.SINT64:
    case ScalarType.SFIXED64:
      return '(w = signed(v)) !== undefined'
    case ScalarType.UINT64:
    case ScalarType.FIXED64:
      return '(w = unsigned(v)) !== undefined'
    default:
      return `typeof v === 'number' && (v | 0) === v`
  }
}

function notZero(field: DescField): string {
  if (field.enum !== undefined) return `v !== ${field.enum.values[0]?.number ?? 0}`
  switch (scalarOf(field)) {
    case ScalarType.STRING:
      return `v !== ''`
    case ScalarType.BOOL:
      return 'v'
    case ScalarType.BYTES:
      return 'v.length > 0'
    case ScalarType.DOUBLE:
    case ScalarType.FLOAT:
      return '!Object.is(v, 0)'
    case ScalarType.INT64:
    case ScalarType.SINT64:
    case ScalarType.SFIXED64:
    case ScalarType.UINT64:
    case ScalarType.FIXED64:
      return 'w !== 0n'
    default:
      return 'v !== 0'
  }
}

/** Writes `v`, or `w`, whose type has been checked. */
function scalarSource(type: ScalarType): string {
  switch (type) {
    case ScalarType.STRING:
      return 'at = string(v, to, at, end)\nif (at < 0) return -1'
    case ScalarType.BYTES:
      return 'at = bytes(v, to, at, end)\nif (at < 0) return -1'
    case ScalarType.BOOL:
      return 'to[at++] = v ? 1 : 0'
    case ScalarType.DOUBLE:
      return 'at = double(v, to, at)'
    case ScalarType.FLOAT:
      return 'at = float(v, to, at)'
    case ScalarType.FIXED32:
    case ScalarType.SFIXED32:
      return 'at = fixed32(v, to, at)'
    case ScalarType.FIXED64:
    case ScalarType.SFIXED64:
      return 'at = fixed64(w, to, at)'
    case ScalarType.INT64:
    case ScalarType.UINT64:
      return 'at = varint64(w, to, at)'
    case ScalarType.SINT64:
      return 'at = zigzag64(w, to, at)'
    case ScalarType.SINT32:
      return 'at = varint(((v << 1) ^ (v >> 31)) >>> 0, to, at)'
    default:
      return 'if (v >= 0 && v < 128) to[at++] = v\nelse at = varint(v, to, at)'
  }
}
