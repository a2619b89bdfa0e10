import { fromBinary, toBinary } from '@bufbuild/protobuf'
import * as js from '@grpc/grpc-js'
import { type EchoMessage, EchoMessageSchema } from '../gen/echo_pb.ts'

function serialize(message: EchoMessage): Buffer {
  return Buffer.from(toBinary(EchoMessageSchema, message))
}

function deserialize(bytes: Buffer): EchoMessage {
  return fromBinary(EchoMessageSchema, bytes)
}

function method(name: string, requestStream: boolean, responseStream: boolean): js.MethodDefinition<EchoMessage, EchoMessage> {
  const codecs = {
    requestSerialize: serialize,
    requestDeserialize: deserialize,
    responseSerialize: serialize,
    responseDeserialize: deserialize,
  }
  return { path: `/beckon.test.Echo/${name}`, requestStream, responseStream, ...codecs }
}

/** The test contract as grpc-js knows it. */
export const echo = {
  unary: method('Unary', false, false),
  collect: method('Collect', true, false),
  expand: method('Expand', false, true),
  chat: method('Chat', true, true),
}

export const unlimited = { 'grpc.max_receive_message_length': -1, 'grpc.max_send_message_length': -1 }

type Message = EchoMessage

/** A client of grpc-js. */
export interface JsClient extends Disposable {
  unary(message: Message, metadata: js.Metadata, options: js.CallOptions, callback: js.requestCallback<Message>): js.ClientUnaryCall
  collect(metadata: js.Metadata, options: js.CallOptions, callback: js.requestCallback<Message>): js.ClientWritableStream<Message>
  expand(message: Message, metadata: js.Metadata, options: js.CallOptions): js.ClientReadableStream<Message>
  chat(metadata: js.Metadata, options: js.CallOptions): js.ClientDuplexStream<Message, Message>
}

export function jsClient(address: string, credentials: js.ChannelCredentials = js.credentials.createInsecure()): JsClient {
  const client = new js.Client(address, credentials, unlimited)
  const { requestSerialize: to, responseDeserialize: from } = echo.unary
  return {
    unary: (message, metadata, options, callback) =>
      client.makeUnaryRequest(echo.unary.path, to, from, message, metadata, options, callback),
    collect: (metadata, options, callback) => client.makeClientStreamRequest(echo.collect.path, to, from, metadata, options, callback),
    expand: (message, metadata, options) => client.makeServerStreamRequest(echo.expand.path, to, from, message, metadata, options),
    chat: (metadata, options) => client.makeBidiStreamRequest(echo.chat.path, to, from, metadata, options),
    [Symbol.dispose]: () => client.close(),
  }
}

/** A server of grpc-js on a free port. */
export interface JsServer extends Disposable {
  readonly address: string
  readonly server: js.Server
}

export async function jsServer(
  handlers: js.UntypedServiceImplementation,
  credentials: js.ServerCredentials = js.ServerCredentials.createInsecure(),
): Promise<JsServer> {
  const server = new js.Server(unlimited)
  server.addService(echo, handlers)
  const port = await new Promise<number>((resolve, reject) =>
    server.bindAsync('127.0.0.1:0', credentials, (error, taken) => (error === null ? resolve(taken) : reject(error))),
  )
  return { address: `127.0.0.1:${port}`, server, [Symbol.dispose]: () => server.forceShutdown() }
}
