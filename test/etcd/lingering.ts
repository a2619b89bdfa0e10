// Holds a lease, watches and is connected, and then has nothing more to do: `lingering.ts <etcd address>`.
import { etcdClient } from '../../src/etcd/index.ts'
import { etcd } from '../../src/registries/etcd.ts'

const [, , address = ''] = process.argv
const client = etcdClient({ endpoints: [address] })
await client.grant(10_000)
await client.watch({ prefix: 'a', listener: { events() {}, compacted() {}, error() {} } }).created
const registry = etcd({ client })
await registry.register({ id: 'a', service: 'lingering', address: '127.0.0.1:1' })
registry.watch('lingering', { update: (all) => console.log(all.size), error() {} })
await client.get('a')
