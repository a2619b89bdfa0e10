import { etcd } from '../../../dist/registries/etcd.js'
import { now } from '../clock.ts'
import { heldBytes, serve, tell } from '../commands.ts'

const [, , address = '', service = ''] = process.argv
const registry = etcd({ endpoints: [address] })

function follow(name: string): Promise<number> {
  return new Promise((resolve, reject) => registry.watch(name, { update: (all) => resolve(all.size), error: reject }))
}

// What every registry has, whatever it follows, is there before.
await follow('nobody')
tell({})
serve({
  async follow() {
    const before = heldBytes()
    const begin = now()
    const size = await follow(service)
    const listMs = now() - begin
    return { size, listMs, bytesPerInstance: (heldBytes() - before) / size }
  },
})
