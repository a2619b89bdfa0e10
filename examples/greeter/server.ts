import { parseArgs } from 'node:util'
import { createServer } from 'beckon'
import { flags } from 'beckon/flags'
import { health } from 'beckon/services/health'
import { reflection } from 'beckon/services/reflection'
import { Greeter } from '../gen/hello_pb.ts'
import '../plain-errors.ts'

const { registry, server: settings, rest } = flags()
parseArgs({ args: [...rest] }) // a flag that nobody knows is refused

const server = createServer({ name: 'hello.srv.say', registry, ...settings, services: [health(), reflection()] })

server.handle(Greeter, {
  hello({ from, to, msg }) {
    console.log(`received from:"${from}" to:"${to}" msg:"${msg}"`)
    return { from: 'server', to: from, msg: 'ok' }
  },
})

await server.start()
console.log(`hello.srv.say is registered in ${registry.name} and listens on ${server.address}`)
