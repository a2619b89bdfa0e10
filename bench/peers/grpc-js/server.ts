import { type handleUnaryCall, Server, ServerCredentials } from '@grpc/grpc-js'
import { answer, serving } from '../../harness/peer.ts'
import { create, type HelloRequest, type HelloResponse, HelloResponseSchema, hello } from './contract.ts'

const server = new Server()
const handler: handleUnaryCall<HelloRequest, HelloResponse> = (call, callback) =>
  callback(null, create(HelloResponseSchema, answer(call.request)))
server.addService({ hello }, { hello: handler })
server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, port) => {
  if (error) throw error
  serving(`127.0.0.1:${port}`)
})
