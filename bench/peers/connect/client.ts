import { readFileSync } from 'node:fs'
import { createClient } from '@connectrpc/connect'
import { createGrpcTransport } from '@connectrpc/connect-node'
import { Greeter } from '../../../examples/gen/hello_pb.ts'
import { Echo } from '../../../test/gen/echo_pb.ts'
import { conversation, request } from '../../harness/load.ts'
import { calling, setup } from '../../harness/peer.ts'

const { address, tls } = setup
const security = tls && { nodeOptions: { ca: readFileSync(tls.ca) } }

await calling(() => {
  const transport = createGrpcTransport({ baseUrl: `${tls ? 'https' : 'http'}://${address}`, ...security })
  const greeter = createClient(Greeter, transport)
  const echo = createClient(Echo, transport)
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
