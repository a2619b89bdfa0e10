import { createServer } from 'nice-grpc'
import type { Hello } from '../../harness/load.ts'
import { answer, serving } from '../../harness/peer.ts'
import { contract } from './contract.ts'

const server = createServer()
server.add(contract, { hello: async (request: Hello) => answer(request) })
serving(`127.0.0.1:${await server.listen('127.0.0.1:0')}`)
