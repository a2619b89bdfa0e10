// Registers one instance in a process of its own: `child.ts <etcd address> <service> <id> <ttl>`. Says its states, one a line.
import { etcd } from '../../../src/registries/etcd.ts'

const [, , address = '', service = '', id = '', ttl = ''] = process.argv
const registry = etcd({ endpoints: [address], ttl: Number(ttl) })
const registration = await registry.register({ id, service, address: '127.0.0.1:1' })
console.log('registered')
registration.onState((state) => console.log(state))
// Ends with whoever started it.
process.stdin.on('end', () => process.exit(0)).resume()
