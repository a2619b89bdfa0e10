import { type DescField, type DescMessage, ScalarType } from '@bufbuild/protobuf'
import { isWrapperDesc } from '@bufbuild/protobuf/wkt'

/** Wire types. https://protobuf.dev/programming-guides/encoding/#structure */
export const varintType = 0
export const fixed64Type = 1
export const lengthType = 2
export const fixed32Type = 5

/** Fields with a zero value that is not told from none. */
export const implicit = 2
/** Fields of proto2 that have to be there. */
export const required = 3

/** Whether a field is left to protobuf-es: groups, and messages that are represented as something else. */
export function isLeft(field: DescField): boolean {
  const { message } = field
  if (message === undefined) return false
  if ('delimitedEncoding' in field && field.delimitedEncoding) return true
  if (field.fieldKind === 'message' && field.oneof === undefined && isWrapperDesc(message)) return true
  return message.typeName === 'google.protobuf.Struct' && field.parent.typeName !== 'google.protobuf.Value'
}

/** A field's tag: its number with how it is written. */
export function tagOf(number: number, wireType: number): number {
  return ((number << 3) | wireType) >>> 0
}

/** How a scalar is written. */
export function wireTypeOf(type: ScalarType): number {
  switch (type) {
    case ScalarType.STRING:
    case ScalarType.BYTES:
      return lengthType
    case ScalarType.DOUBLE:
    case ScalarType.FIXED64:
    case ScalarType.SFIXED64:
      return fixed64Type
    case ScalarType.FLOAT:
    case ScalarType.FIXED32:
    case ScalarType.SFIXED32:
      return fixed32Type
    default:
      return varintType
  }
}

/** The scalar that a field's values are written as. */
export function scalarOf(field: DescField): ScalarType {
  return field.scalar ?? ScalarType.INT32
}

/** A string literal. */
export function quoted(text: string): string {
  return JSON.stringify(text)
}

/** Gives each message type that a source refers to its place. */
export class MessageTypes {
  readonly list: DescMessage[] = []

  /** The expression for a type. */
  of(message: DescMessage): string {
    let place = this.list.indexOf(message)
    if (place === -1) place = this.list.push(message) - 1
    return `types[${place}]`
  }
}
