import { readFileSync } from 'node:fs'
import { createSecureServer, createServer } from 'node:http2'
import type { AddressInfo } from 'node:net'
import { connectNodeAdapter } from '@connectrpc/connect-node'
import { Greeter } from '../../../examples/gen/hello_pb.ts'
import { Echo } from '../../../test/gen/echo_pb.ts'
import { echoHandlers } from '../../harness/echo.ts'
import { answer, serving, setup } from '../../harness/peer.ts'

const { tls } = setup
const routes = connectNodeAdapter({
  routes: (router) => router.service(Greeter, { hello: (request) => answer(request) }).service(Echo, echoHandlers),
})
const server = tls ? createSecureServer({ key: readFileSync(tls.key), cert: readFileSync(tls.cert) }, routes) : createServer(routes)
server.listen(0, '127.0.0.1', () => serving(`127.0.0.1:${(server.address() as AddressInfo).port}`))
