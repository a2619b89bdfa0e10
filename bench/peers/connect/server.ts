import { createServer } from 'node:http2'
import type { AddressInfo } from 'node:net'
import { connectNodeAdapter } from '@connectrpc/connect-node'
import { Greeter } from '../../../examples/gen/hello_pb.ts'
import { answer, serving } from '../../harness/peer.ts'

const routes = connectNodeAdapter({ routes: (router) => router.service(Greeter, { hello: (request) => answer(request) }) })
const server = createServer(routes)
server.listen(0, '127.0.0.1', () => serving(`http://127.0.0.1:${(server.address() as AddressInfo).port}`))
