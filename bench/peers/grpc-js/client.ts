import { readFileSync } from 'node:fs'
import { Client, credentials, Metadata, type MethodDefinition } from '@grpc/grpc-js'
import { Greeter } from '../../../examples/gen/hello_pb.ts'
import { Echo } from '../../../test/gen/echo_pb.ts'
import { type Hello, type Echo as Message, request } from '../../harness/load.ts'
import { calling, setup } from '../../harness/peer.ts'
import { definition } from './contract.ts'

const { address, tls } = setup
const hello = definition<Hello, Hello>(Greeter.method.hello)
const unary = definition<Message, Message>(Echo.method.unary)
const expand = definition<Message, Message>(Echo.method.expand)
const chat = definition<Message, Message>(Echo.method.chat)
const metadata = new Metadata()

await calling(() => {
  const security = tls ? credentials.createSsl(readFileSync(tls.ca)) : credentials.createInsecure()
  // Else all clients of a process share a connection.
  const client = new Client(address, security, { 'grpc.use_local_subchannel_pool': 1 })
  const call = <I, O>({ path, requestSerialize, responseDeserialize }: MethodDefinition<I, O>, message: I): Promise<O> =>
    new Promise((resolve, reject) => {
      client.makeUnaryRequest(path, requestSerialize, responseDeserialize, message, (error, response) => {
        if (error || response === undefined) reject(error)
        else resolve(response)
      })
    })
  return {
    hello: () => call(hello, request),
    echo: (message) => call(unary, message),
    expand: (message, each) =>
      new Promise((resolve, reject) => {
        const stream = client.makeServerStreamRequest(expand.path, expand.requestSerialize, expand.responseDeserialize, message, metadata)
        stream.on('data', each).on('error', reject).on('end', resolve)
      }),
    chat: ({ ahead, message, received, over }) =>
      new Promise((resolve, reject) => {
        const stream = client.makeBidiStreamRequest(chat.path, chat.requestSerialize, chat.responseDeserialize, metadata)
        stream.on('error', reject).on('end', resolve)
        stream.on('data', () => {
          received()
          if (!over()) stream.write(message)
          else if (stream.writable) stream.end()
        })
        for (let i = 0; i < ahead; i++) stream.write(message)
      }),
  }
})
