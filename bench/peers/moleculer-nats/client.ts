import { type Hello, request } from '../../harness/load.ts'
import { calling, setup } from '../../harness/peer.ts'
import { broker } from './broker.ts'

const client = broker('client', setup.address)
await client.start()
await client.waitForServices('greeter', 15_000)

await calling(() => ({ hello: () => client.call<Hello, Hello>('greeter.hello', request) }))
