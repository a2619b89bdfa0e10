import { calling, freePort, type Hello, request, serverAddress } from '../../harness/peer.ts'
import { broker } from './broker.ts'

const client = broker('client', await freePort(), [serverAddress()])
await client.start()
await client.waitForServices('greeter', 15_000)

await calling(() => client.call<Hello, Hello>('greeter.hello', request))
