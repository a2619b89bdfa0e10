import { startRegistry } from '../../../dist/dev/index.js'
import { createServer } from '../../../dist/index.js'
import { etcd } from '../../../dist/registries/etcd.js'
import { Greeter } from '../../../examples/gen/hello_pb.ts'
import { answer, serving } from '../../harness/peer.ts'

const { address } = await startRegistry()
const server = createServer({ name: 'hello.srv.say', registry: etcd({ endpoints: [address] }), address: '127.0.0.1:0' })
server.handle(Greeter, { hello: async (request) => answer(request) })
await server.start()
serving(address)
