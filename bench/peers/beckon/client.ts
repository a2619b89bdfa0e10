import { readFileSync } from 'node:fs'
import { createChannel, createClient } from '../../../dist/index.js'
import { etcd } from '../../../dist/registries/etcd.js'
import { grpc } from '../../../dist/transports/grpc.js'
import { Greeter } from '../../../examples/gen/hello_pb.ts'
import { Echo } from '../../../test/gen/echo_pb.ts'
import { conversation, request } from '../../harness/load.ts'
import { calling, setup } from '../../harness/peer.ts'

const { address, registry, tls } = setup
const where = registry === undefined ? { addresses: [address] } : { registry: etcd({ endpoints: [registry] }) }
const transport = tls && grpc({ tls: { ca: readFileSync(tls.ca) } })

await calling(() => {
  const channel = createChannel({ service: 'hello.srv.say', ...where, transport })
  const greeter = createClient(Greeter, { channel })
  const echo = createClient(Echo, { channel, timeout: 60_000 })
  return {
    hello: () => greeter.hello(request),
    echo: (message) => echo.unary(message),
    async expand(message, each) {
      for await (const _ of echo.expand(message)) each()
    },
    async chat(talk) {
      const { requests, received } = conversation(talk)
      for await (const _ of echo.chat(requests())) received()
    },
  }
})
