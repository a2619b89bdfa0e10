import { protobufService } from '../../../dist/codecs/protobuf.js'
import { Headers } from '../../../dist/index.js'
import { grpc } from '../../../dist/transports/grpc.js'
import { Greeter } from '../../../examples/gen/hello_pb.ts'
import { type Hello, request } from '../../harness/load.ts'
import { calling, setup } from '../../harness/peer.ts'

/** The transport by itself, with the same codec and a deadline: no client, no channel, no balancer. */
const transport = grpc()
const { hello: method } = protobufService(Greeter).methods as Record<'hello', never>
const headers = new Headers()

await calling(() => {
  const connection = transport.dial(setup.address)
  return { hello: () => connection.call(request, { method, headers, deadline: performance.now() + 30_000 }) as Promise<Hello> }
})
