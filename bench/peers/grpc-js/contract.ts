import { create, type DescMessage, fromBinary, type MessageShape, toBinary } from '@bufbuild/protobuf'
import type { MethodDefinition } from '@grpc/grpc-js'
import { type HelloRequest, HelloRequestSchema, type HelloResponse, HelloResponseSchema } from '../../../examples/gen/hello_pb.ts'

function serializer<S extends DescMessage>(schema: S): (message: MessageShape<S>) => Buffer {
  return (message) => {
    const bytes = toBinary(schema, message)
    return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }
}

/** `Greeter.Hello` with protobuf-es messages, the same as beckon's. */
export const hello: MethodDefinition<HelloRequest, HelloResponse> = {
  path: '/hello.Greeter/Hello',
  requestStream: false,
  responseStream: false,
  requestSerialize: serializer(HelloRequestSchema),
  requestDeserialize: (bytes) => fromBinary(HelloRequestSchema, bytes),
  responseSerialize: serializer(HelloResponseSchema),
  responseDeserialize: (bytes) => fromBinary(HelloResponseSchema, bytes),
}

export { create, type HelloRequest, HelloRequestSchema, type HelloResponse, HelloResponseSchema }
