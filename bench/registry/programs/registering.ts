import { etcd } from '../../../dist/registries/etcd.js'
import { now } from '../clock.ts'
import { serve, tell } from '../commands.ts'
import { instance } from '../records.ts'

const [, , address = '', count = '0'] = process.argv
// All at once is more than etcd can do in the usual 5 s where each takes requests of its own.
const registry = etcd({ endpoints: [address], timeout: 60_000 })

tell({})
serve({
  async register() {
    const begin = now()
    const all = await Promise.all(Array.from({ length: Number(count) }, (_, i) => registry.register(instance('registered', i))))
    return { ms: now() - begin, registered: all.filter(({ state }) => state === 'registered').length }
  },
  async close() {
    const begin = now()
    await registry.close()
    return { ms: now() - begin }
  },
})
