import { closeClient, createClient } from 'beckon'
import { flags } from 'beckon/flags'
import { Greeter } from '../gen/hello_pb.ts'
import '../plain-errors.ts'

const { registry, client: settings } = flags()

const greeter = createClient(Greeter, { service: 'hello.srv.say', registry, ...settings })

const { from, to, msg } = await greeter.hello({ from: 'client', to: 'server', msg: 'hello' })
console.log(`from:"${from}" to:"${to}" msg:"${msg}"`)

await closeClient(greeter)
await registry.close()
