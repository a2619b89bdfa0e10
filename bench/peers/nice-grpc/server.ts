import { createServer } from 'nice-grpc'
import { answer, serving } from '../../harness/peer.ts'
import { create, type HelloRequest, HelloResponseSchema } from '../grpc-js/contract.ts'
import { definition } from './contract.ts'

const server = createServer()
server.add(definition, { hello: async (request: HelloRequest) => create(HelloResponseSchema, answer(request)) })
serving(`127.0.0.1:${await server.listen('127.0.0.1:0')}`)
