import type { Registration } from '../../../dist/index.js'
import { type EtcdRegistry, etcd } from '../../../dist/registries/etcd.js'
import { now } from '../clock.ts'
import { serve, tell } from '../commands.ts'
import { instance } from '../records.ts'

const [, , address = '', first = '0', count = '0', jitter = 'on'] = process.argv

interface Client {
  readonly registry: EtcdRegistry
  size: number
  /** When it was told the set it has. */
  at: number
}

// Without jitter all draw the same number, whatever they spread.
const more = jitter === 'on' ? {} : { random: () => 0.5 }
const clients = Array.from({ length: Number(count) }, (): Client => ({ registry: etcd({ endpoints: [address], ...more }), size: 0, at: 0 }))
for (const client of clients) {
  client.registry.watch('herd', {
    update(all) {
      client.size = all.size
      client.at = now()
    },
    error() {},
  })
}
// One after the other, as clients come in life, and so that etcd keeps up.
const registrations: Registration[] = []
for (const [i, { registry }] of clients.entries()) registrations.push(await registry.register(instance('members', Number(first) + i)))
tell({})
serve({
  /** How many have a set of this size, since when the last of them; and how many are registered. */
  current(size) {
    const current = clients.filter((client) => client.size === Number(size))
    const registered = registrations.filter(({ state }) => state === 'registered').length
    return { current: current.length, lastAt: Math.max(0, ...current.map(({ at }) => at)), registered }
  },
})
