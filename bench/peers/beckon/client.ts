import { createClient } from '../../../dist/index.js'
import { etcd } from '../../../dist/registries/etcd.js'
import { Greeter } from '../../../examples/gen/hello_pb.ts'
import { calling, request, serverAddress } from '../../harness/peer.ts'

const greeter = createClient(Greeter, { service: 'hello.srv.say', registry: etcd({ endpoints: [serverAddress()] }) })

await calling(() => greeter.hello(request))
