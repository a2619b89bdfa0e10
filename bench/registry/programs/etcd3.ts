import { Etcd3 } from 'etcd3'
import { listen } from '../listener.ts'

await listen(async (address, prefix, { changed }) => {
  // As its users have it, but for the limit of 4 MB a message, under which it cannot list 100,000 instances at all.
  const client = new Etcd3({ hosts: `http://${address}`, grpcOptions: { 'grpc.max_receive_message_length': -1 } })
  const { header, kvs } = await client.getAll().prefix(prefix).exec()
  const instances = new Map(kvs.map(({ key, value }) => [key.toString(), value.toString()]))
  const watcher = await client
    .watch()
    .prefix(prefix)
    .startRevision(String(BigInt(header.revision) + 1n))
    .create()
  watcher.on('put', ({ key, value }) => {
    instances.set(key.toString(), value.toString())
    changed(instances.size)
  })
  watcher.on('delete', ({ key }) => {
    instances.delete(key.toString())
    changed(instances.size)
  })
  watcher.on('error', (error) => {
    throw error
  })
  return instances.size
})
