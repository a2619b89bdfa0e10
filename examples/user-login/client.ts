import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { closeClient, createClient } from 'beckon'
import { roundRobin } from 'beckon/balancers/round-robin'
import { flags } from 'beckon/flags'
import { User } from '../gen/user_pb.ts'
import '../plain-errors.ts'

const { registry, client: settings, rest } = flags({ registryDefaults: 'layout=go-kit&prefix=svc.user.agent/' })
const { values: own } = parseArgs({ args: [...rest], options: { pause: { type: 'string', default: '1000' } } })

// What go-kit makes of an Instancer, an Endpointer, a balancer and lb.Retry(3, 3 * time.Second, balancer).
const users = createClient(User, {
  service: 'svc.user.agent',
  registry,
  balancer: roundRobin(),
  retry: { attempts: 3 },
  timeout: 3000,
  ...settings,
})

for (let i = 0; i < 6; i++) {
  await sleep(Number(own.pause))
  const { Token } = await users.rpcUserLogin({ Account: 'aoho', Password: '123456' })
  console.log(Token)
}

await closeClient(users)
await registry.close()
