import { create, type DescMessage, type DescMethod, fromBinary, toBinary } from '@bufbuild/protobuf'
import type { MethodDefinition } from '@grpc/grpc-js'

/** A method with protobuf-es messages, the same as beckon's; what is sent may be plain objects, as there. */
export function definition<Req, Res>({ parent, name, methodKind, input, output }: DescMethod): MethodDefinition<Req, Res> {
  return {
    path: `/${parent.typeName}/${name}`,
    requestStream: methodKind === 'client_streaming' || methodKind === 'bidi_streaming',
    responseStream: methodKind === 'server_streaming' || methodKind === 'bidi_streaming',
    requestSerialize: serializer(input),
    requestDeserialize: (bytes) => fromBinary(input, bytes) as Req,
    responseSerialize: serializer(output),
    responseDeserialize: (bytes) => fromBinary(output, bytes) as Res,
  }
}

function serializer(schema: DescMessage): (message: unknown) => Buffer {
  return (message) => {
    const bytes = toBinary(schema, create(schema, message as never))
    return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }
}
