import { readFileSync } from 'node:fs'
import { startRegistry } from '../../../dist/dev/index.js'
import { createServer } from '../../../dist/index.js'
import { etcd } from '../../../dist/registries/etcd.js'
import { grpc } from '../../../dist/transports/grpc.js'
import { Greeter } from '../../../examples/gen/hello_pb.ts'
import { Echo } from '../../../test/gen/echo_pb.ts'
import { echoHandlers } from '../../harness/echo.ts'
import { answer, serving, setup } from '../../harness/peer.ts'

const { tls } = setup
const transport = tls && grpc({ tls: { cert: readFileSync(tls.cert), key: readFileSync(tls.key) } })
const registry = await startRegistry()
const server = createServer({
  name: 'hello.srv.say',
  registry: etcd({ endpoints: [registry.address] }),
  address: '127.0.0.1:0',
  transport,
})
server.handle(Greeter, { hello: async (request) => answer(request) })
server.handle(Echo, echoHandlers)
await server.start()
serving(server.address, registry.address)
