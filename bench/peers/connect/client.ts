import { createClient } from '@connectrpc/connect'
import { createGrpcTransport } from '@connectrpc/connect-node'
import { Greeter } from '../../../examples/gen/hello_pb.ts'
import { calling, request, serverAddress } from '../../harness/peer.ts'

const client = createClient(Greeter, createGrpcTransport({ baseUrl: serverAddress() }))

await calling(() => client.hello(request))
