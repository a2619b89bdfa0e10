import { setTimeout as delay } from 'node:timers/promises'
import { createClient } from '../../../dist/index.js'
import { etcd } from '../../../dist/registries/etcd.js'
import { Greeter } from '../../../examples/gen/hello_pb.ts'
import { serve, tell } from '../commands.ts'

const [, , address = ''] = process.argv
const greeter = createClient(Greeter, { service: 'hello.srv.say', registry: etcd({ endpoints: [address] }) })
await greeter.hello({ from: 'client', to: 'server', msg: 'hello' })
let failed = 0
for (let i = 0; i < 4; i++) void call()
tell({})
serve({ failed: () => ({ failed }) })

async function call(): Promise<void> {
  for (;;) {
    await greeter.hello({ from: 'client', to: 'server', msg: 'hello' }).catch(() => failed++)
    await delay(1)
  }
}
