import { readFileSync } from 'node:fs'
import {
  type handleBidiStreamingCall,
  type handleServerStreamingCall,
  type handleUnaryCall,
  Server,
  ServerCredentials,
} from '@grpc/grpc-js'
import { Greeter } from '../../../examples/gen/hello_pb.ts'
import { Echo } from '../../../test/gen/echo_pb.ts'
import type { Echo as Message } from '../../harness/load.ts'
import { answer, serving, setup } from '../../harness/peer.ts'
import { definition } from './contract.ts'

const { hello } = Greeter.method
const { unary, expand, chat } = Echo.method
const { tls } = setup
const server = new Server()
const handlers = {
  hello: ((call, callback) => callback(null, answer(call.request))) as handleUnaryCall<never, unknown>,
  unary: (({ request: { text, payload, count } }, callback) => {
    if (text !== 'park') callback(null, { text, payload, count })
  }) as handleUnaryCall<Message, Message>,
  expand: ((call) => {
    const { text, payload, count } = call.request
    let i = 0
    const more = (): void => {
      while (i < count) if (!call.write({ text, payload, count: i++ })) return void call.once('drain', more)
      call.end()
    }
    more()
  }) as handleServerStreamingCall<Message, Message>,
  chat: ((call) => {
    call.on('data', ({ text, payload, count }) => {
      if (call.write({ text, payload, count })) return
      call.pause()
      call.once('drain', () => call.resume())
    })
    call.on('end', () => call.end())
  }) as handleBidiStreamingCall<Message, Message>,
}
const methods = { hello, unary, expand, chat }
const definitions = Object.fromEntries(Object.entries(methods).map(([name, method]) => [name, definition(method)]))
server.addService(definitions as never, handlers as never)
const security = tls
  ? ServerCredentials.createSsl(null, [{ private_key: readFileSync(tls.key), cert_chain: readFileSync(tls.cert) }])
  : ServerCredentials.createInsecure()
server.bindAsync('127.0.0.1:0', security, (error, port) => {
  if (error) throw error
  serving(`127.0.0.1:${port}`)
})
