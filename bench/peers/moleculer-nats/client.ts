import { calling, type Hello, request, serverAddress } from '../../harness/peer.ts'
import { broker } from './broker.ts'

const client = broker('client', serverAddress())
await client.start()
await client.waitForServices('greeter', 15_000)

await calling(() => client.call<Hello, Hello>('greeter.hello', request))
