import { create, createFileRegistry, type DescField, type DescMessage, type MessageInitShape, ScalarType } from '@bufbuild/protobuf'
import {
  AnySchema,
  Edition,
  FeatureSet_EnumType,
  FeatureSet_FieldPresence,
  FeatureSet_MessageEncoding,
  FeatureSet_RepeatedFieldEncoding,
  FeatureSet_Utf8Validation,
  type FieldDescriptorProto_Type,
  type FieldDescriptorProtoSchema,
  FieldOptions_JSType,
  FileDescriptorProtoSchema,
  FileDescriptorSetSchema,
  file_google_protobuf_any,
  file_google_protobuf_struct,
  file_google_protobuf_wrappers,
} from '@bufbuild/protobuf/wkt'

/** Draws an integer from 0 to below `n`. */
export type Draw = (n: number) => number

/** Draws the same for the same seed (mulberry32). */
export function drawing(seed: number): Draw {
  let state = seed
  return (n) => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) % n
  }
}

/** One of several. */
export function oneOf<T>(draw: Draw, ...all: readonly T[]): T {
  return all[draw(all.length)] as T
}

type FieldInit = MessageInitShape<typeof FieldDescriptorProtoSchema>
type Syntax = 'proto2' | 'proto3' | 'editions'

const group = 10
const message = 11
const enumeration = 14
const mapKeys = [3, 4, 5, 6, 7, 8, 9, 13, 15, 16, 17, 18]
const scalars = [1, 2, ...mapKeys, 12]
const numbers = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 15, 16, 17, 100, 2047, 2048, 262_143, 262_144, 536_870_911]
const inner = ['.gen.All', '.gen.Sub', '.google.protobuf.StringValue', '.google.protobuf.Int64Value', '.google.protobuf.BytesValue']
const messages = [...inner, '.google.protobuf.Struct', '.google.protobuf.Value', '.google.protobuf.Any']
const names = ['text', 'a_b', 'constructor', 'to_string', 'case', 'value', 'type_name', '__proto__', 'length', 'start', 'm', 'strict', 'x9']

/** A message type `gen.All` with drawn fields, in any of the dialects. */
export function drawSchema(draw: Draw): DescMessage {
  const syntax: Syntax = oneOf(draw, 'proto2', 'proto3', 'editions')
  const free = [...numbers]
  const oneofs = draw(3)
  const nested: MessageInitShape<typeof FileDescriptorProtoSchema>['messageType'] = []
  const fields: FieldInit[] = []
  const count = 1 + draw(9)
  for (let i = 0; i < count; i++) {
    const number = free.splice(draw(free.length), 1)[0] as number
    const name = i < 3 && draw(3) === 0 ? `${names[draw(names.length)]}${i === 0 ? '' : i}` : `field_${i}`
    fields.push(drawField(draw, syntax, name, number, i < oneofs * 2 ? i % oneofs : -1, nested))
  }
  // Of proto3's optional fields each has a oneof of its own, after the others.
  const all = Array.from({ length: Math.min(oneofs, fields.length) }, (_, i) => ({ name: `choice_${i}` }))
  for (const field of fields) if (field.proto3Optional) field.oneofIndex = all.push({ name: `_${field.name}` }) - 1
  const features = { enumType: oneOf(draw, FeatureSet_EnumType.OPEN, FeatureSet_EnumType.CLOSED) }
  const file = create(FileDescriptorProtoSchema, {
    name: 'gen.proto',
    package: 'gen',
    syntax,
    ...(syntax === 'editions' && { edition: Edition.EDITION_2023 }),
    dependency: ['google/protobuf/wrappers.proto', 'google/protobuf/struct.proto', 'google/protobuf/any.proto'],
    messageType: [
      { name: 'All', field: fields, oneofDecl: all, nestedType: nested },
      {
        name: 'Sub',
        field: [
          { name: 'id', number: 1, type: 5 as FieldDescriptorProto_Type, label: 1 },
          { name: 'text', number: 2, type: 9 as FieldDescriptorProto_Type, label: 1 },
          { name: 'all', number: 3, type: message as FieldDescriptorProto_Type, typeName: '.gen.All', label: 1 },
        ],
      },
    ],
    enumType: [
      {
        name: 'Kind',
        value: [
          { name: 'ZERO', number: 0 },
          { name: 'ONE', number: 1 },
          { name: 'MANY', number: 70_000 },
          { name: 'NEGATIVE', number: -1 },
        ],
        ...(syntax === 'editions' && { options: { features } }),
      },
    ],
  })
  const file_ = [file_google_protobuf_wrappers, file_google_protobuf_struct, file_google_protobuf_any].map(({ proto }) => proto)
  const schema = createFileRegistry(create(FileDescriptorSetSchema, { file: [...file_, file] })).getMessage('gen.All')
  if (schema === undefined) throw new Error('gen.All is missing')
  return schema
}

function drawField(draw: Draw, syntax: Syntax, name: string, number: number, oneof: number, nested: object[]): FieldInit {
  const label = oneof < 0 && draw(3) === 0 ? 3 : 1
  const kinds = [...scalars, message, message, enumeration]
  const base: FieldInit = { name, number, label, ...(oneof >= 0 && { oneofIndex: oneof }) }
  if (oneof < 0 && draw(5) === 0) {
    const entry = `${name.replace(/(?:^|_)(\w)/g, (_, c: string) => c.toUpperCase()).replace(/_/g, '')}Entry`
    const value = oneOf(draw, ...kinds)
    const valueType = { type: value as FieldDescriptorProto_Type, ...(value === message && { typeName: oneOf(draw, ...messages) }) }
    nested.push({
      name: entry,
      options: { mapEntry: true },
      field: [
        { name: 'key', number: 1, label: 1, type: oneOf(draw, ...mapKeys) },
        { name: 'value', number: 2, label: 1, ...valueType, ...(value === enumeration && { typeName: '.gen.Kind' }) },
      ],
    })
    return { ...base, label: 3, type: message as FieldDescriptorProto_Type, typeName: `.gen.All.${entry}` }
  }
  const type = syntax === 'proto2' && draw(8) === 0 ? group : oneOf(draw, ...kinds)
  const field: FieldInit = { ...base, type: type as FieldDescriptorProto_Type }
  if (type === group) field.typeName = '.gen.Sub'
  if (type === message) field.typeName = oneOf(draw, ...messages)
  if (type === enumeration) field.typeName = '.gen.Kind'
  const packable = label === 3 && ![9, 12, group, message].includes(type)
  const jstype = [3, 4, 6, 16, 18].includes(type) && draw(2) === 0 ? { jstype: FieldOptions_JSType.JS_STRING } : {}
  if (syntax === 'proto3' && label === 1 && oneof < 0 && draw(3) === 0) field.proto3Optional = true
  if (syntax === 'proto2' && label === 1 && oneof < 0 && draw(8) === 0) field.label = 2
  if (syntax === 'proto2' && label === 1 && type !== group && type !== message && draw(3) === 0) field.defaultValue = defaultOf(type)
  if (syntax !== 'editions') field.options = { ...jstype, ...(packable && draw(2) === 0 && { packed: draw(2) === 0 }) }
  else {
    const { EXPLICIT, IMPLICIT, LEGACY_REQUIRED } = FeatureSet_FieldPresence
    const presence = oneof < 0 && label === 1 && type !== message ? oneOf(draw, EXPLICIT, IMPLICIT, LEGACY_REQUIRED) : undefined
    // A closed enum may not be implicit.
    const allowed = type === enumeration && presence === IMPLICIT ? EXPLICIT : presence
    const { DELIMITED, LENGTH_PREFIXED } = FeatureSet_MessageEncoding
    const { PACKED, EXPANDED } = FeatureSet_RepeatedFieldEncoding
    const features = {
      ...(allowed !== undefined && { fieldPresence: allowed }),
      ...(type === message && { messageEncoding: oneOf(draw, DELIMITED, LENGTH_PREFIXED, LENGTH_PREFIXED) }),
      ...(packable && { repeatedFieldEncoding: oneOf(draw, PACKED, EXPANDED) }),
      ...(type === 9 && { utf8Validation: oneOf(draw, FeatureSet_Utf8Validation.VERIFY, FeatureSet_Utf8Validation.NONE) }),
    }
    field.options = { ...jstype, features }
  }
  return field
}

function defaultOf(type: number): string {
  return type === 8 ? 'true' : type === enumeration ? 'ONE' : type === 12 ? '\\001x' : type === 9 ? 'dflt' : '7'
}

const texts = [
  '',
  'a',
  'client',
  'hello, how are you?',
  'ä',
  '日本語',
  '😀',
  '\ufeffbom',
  '\ufffd',
  '\ud800',
  'x'.repeat(47),
  'y'.repeat(49),
  'z'.repeat(130),
  'ü'.repeat(40),
]
const int32s = [0, 1, -1, 127, 128, 300, 2 ** 31 - 1, -(2 ** 31), 16_384]
const longs = [0n, 1n, -1n, 127n, 128n, 2n ** 63n - 1n, -(2n ** 63n), 2n ** 53n, 2n ** 32n, -(2n ** 31n)]

/** A value of a scalar type; now and then, if `wrong`, one that it does not have. */
function drawScalar(draw: Draw, type: ScalarType, text: boolean, wrong: boolean): unknown {
  if (wrong && draw(12) === 0)
    return oneOf<unknown>(
      draw,
      undefined,
      null,
      'text',
      1.5,
      2 ** 40,
      -1,
      7n,
      '7',
      true,
      {},
      [1, 2],
      Number.NaN,
      1e300,
      '',
      new Uint8Array([1]),
    )
  switch (type) {
    case ScalarType.STRING:
      return oneOf(draw, ...texts)
    case ScalarType.BYTES:
      return new Uint8Array(Array.from({ length: oneOf(draw, 0, 1, 5, 33, 200) }, () => draw(256)))
    case ScalarType.BOOL:
      return draw(2) === 0
    case ScalarType.DOUBLE:
    case ScalarType.FLOAT:
      return oneOf(draw, 0, -0, 1.5, -3, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, Math.fround(0.1))
    case ScalarType.UINT32:
    case ScalarType.FIXED32:
      return oneOf(draw, ...int32s) >>> 0
    case ScalarType.UINT64:
    case ScalarType.FIXED64: {
      const long = BigInt.asUintN(64, oneOf(draw, ...longs))
      return text ? String(long) : long
    }
    case ScalarType.INT64:
    case ScalarType.SINT64:
    case ScalarType.SFIXED64: {
      const long = oneOf(draw, ...longs)
      return text ? String(long) : long
    }
    default:
      return oneOf(draw, ...int32s, -0)
  }
}

/** An init object, or with `made` now and then a message, with drawn fields. */
export function drawInit(draw: Draw, schema: DescMessage, { wrong = false, depth = 0 } = {}): Record<string, unknown> {
  if (schema.typeName === AnySchema.typeName) return { typeUrl: 'type.googleapis.com/gen.Sub', value: new Uint8Array([8, 1]) }
  const init: Record<string, unknown> = {}
  for (const field of schema.fields) {
    if (draw(4) === 0 || (depth > 2 && field.message !== undefined)) continue
    const value = (): unknown => drawOne(draw, field, wrong, depth)
    const count = oneOf(draw, 0, 1, 2, 3, 40)
    if (field.oneof !== undefined) init[field.oneof.localName] = { case: field.localName, value: value() }
    else if (field.fieldKind === 'list') init[field.localName] = Array.from({ length: depth > 0 ? count % 3 : count }, value)
    else if (field.fieldKind === 'map') {
      const entries = Array.from({ length: count % 4 }, () => [String(drawScalar(draw, field.mapKey, true, false)), value()] as const)
      init[field.localName] = Object.fromEntries(entries)
    } else init[field.localName] = value()
  }
  return init
}

function drawOne(draw: Draw, field: DescField, wrong: boolean, depth: number): unknown {
  const { message: type } = field
  if (field.enum !== undefined) return wrong ? oneOf<unknown>(draw, 0, 1, 70_000, -1, 5, 'ONE') : oneOf<unknown>(draw, 0, 1, 70_000, -1)
  if (type === undefined) {
    const text = 'longAsString' in field && field.longAsString
    return drawScalar(draw, field.scalar ?? ScalarType.INT32, text, wrong)
  }
  if (type.typeName === 'google.protobuf.Struct' && field.parent.typeName !== 'google.protobuf.Value')
    return { a: oneOf<unknown>(draw, 1, 'x', null, [true]) }
  const wrapped = type.typeName.endsWith('Value') && type.file.name === 'google/protobuf/wrappers'
  if (wrapped && field.fieldKind === 'message' && field.oneof === undefined)
    return drawScalar(draw, type.fields[0]?.scalar ?? ScalarType.STRING, false, wrong)
  const init = drawInit(draw, type, { wrong, depth: depth + 1 })
  return draw(3) === 0 ? create(type, init) : init
}
