import { parseArgs } from 'node:util'
import { closeClient, createClient } from 'beckon'
import { flags } from 'beckon/flags'
import { Greeter } from '../gen/hello_pb.ts'
import '../plain-errors.ts'

const { registry, client: settings, rest } = flags()
parseArgs({ args: [...rest] }) // a flag that nobody knows is refused

const greeter = createClient(Greeter, { service: 'hello.srv.say', registry, ...settings })

const { from, to, msg } = await greeter.hello({ from: 'client', to: 'server', msg: 'hello' })
console.log(`from:"${from}" to:"${to}" msg:"${msg}"`)

await closeClient(greeter)
await registry.close()
