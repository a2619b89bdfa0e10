import { setTimeout as delay } from 'node:timers/promises'
import { serve, tell } from '../commands.ts'
import { broker } from './moleculer-broker.ts'

const client = broker('client', process.argv.slice(2))
await client.start()
await client.waitForServices('greeter', 30_000)
let failed = 0
for (let i = 0; i < 4; i++) void call()
tell({})
serve({ failed: () => ({ failed }) })

async function call(): Promise<void> {
  for (;;) {
    await client.call('greeter.hello', {}).catch(() => failed++)
    await delay(1)
  }
}
