import { protobufService } from '../../../dist/codecs/protobuf.js'
import { grpc } from '../../../dist/transports/grpc.js'
import { Greeter } from '../../../examples/gen/hello_pb.ts'
import { answer, serving } from '../../harness/peer.ts'

const { hello: method } = protobufService(Greeter).methods as Record<'hello', never>
const route = { method, endpoint: (async (request: never) => answer(request)) as never }

/** The transport by itself, with the same codec: no server, no registry. */
const listener = await grpc().listen((path) => (path === '/hello.Greeter/Hello' ? route : undefined), { address: '127.0.0.1:0' })
serving(listener.address)
