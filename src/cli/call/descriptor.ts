import {
  type DescMessage,
  type DescMethod,
  type FileRegistry,
  fromBinary,
  fromJson,
  type JsonValue,
  toBinary,
  toJson,
} from '@bufbuild/protobuf'
import type { Codec } from '../../codec.ts'
import { protobufService } from '../../codecs/protobuf.ts'
import type { Method } from '../../service.ts'
import { exitCodes, failure } from '../exit.ts'
import { asJson } from './method.ts'

/** A method whose messages are protobuf on the wire and protobuf's JSON here; the registry knows what an `Any` may hold. */
export function methodOfDescriptor(descriptor: DescMethod, registry: FileRegistry): Method {
  const method = protobufService(descriptor.parent).methods[descriptor.localName] as Method
  return { ...method, input: codecOf(descriptor.input, registry), output: codecOf(descriptor.output, registry), codecs: { json: asJson } }
}

function codecOf(schema: DescMessage, registry: FileRegistry): Codec {
  return {
    name: 'proto',
    encode(json) {
      try {
        return toBinary(schema, fromJson(schema, json as JsonValue, { registry }))
      } catch (cause) {
        throw failure(exitCodes.usage, `request: ${schema.typeName}: ${(cause as Error).message}`)
      }
    },
    // A copy, because `bytes` fields go on pointing into what they were read from.
    decode: (bytes) => toJson(schema, fromBinary(schema, Uint8Array.prototype.slice.call(bytes)), { registry }),
  }
}
