import type { Registration } from '../../../dist/index.js'
import { etcd } from '../../../dist/registries/etcd.js'
import { now } from '../clock.ts'
import { serve, tell } from '../commands.ts'
import { instance } from '../records.ts'
import { noteSent } from '../sent.ts'

const [, , address = '', first = '0', count = '0', jitter = 'on'] = process.argv

interface Client {
  size: number
  /** When it was told the set it has. */
  at: number
}

// Without jitter all draw the same number, whatever they spread.
const more = jitter === 'on' ? {} : { random: () => 0.5 }
const times = noteSent()
const clients: Client[] = []
const registrations: Registration[] = []

// One after the other, as clients come in life, and so that etcd keeps up.
for (let i = 0; i < Number(count); i++) {
  const registry = etcd({ endpoints: [address], unreachable: 'wait', ...more })
  const client: Client = { size: 0, at: 0 }
  clients.push(client)
  registry.watch('herd', {
    update(all) {
      client.size = all.size
      client.at = now()
    },
    error() {},
  })
  registrations.push(await registry.register(instance('members', Number(first) + i)))
}
tell({})
serve({
  /** How many have a set of this size, since when the last of them; and how many are registered. */
  current(size) {
    const current = clients.filter((client) => client.size === Number(size))
    const registered = registrations.filter(({ state }) => state === 'registered').length
    return { current: current.length, lastAt: Math.max(0, ...current.map(({ at }) => at)), registered }
  },
  /** How many messages have been sent since then, in every so many milliseconds, numbered from then on. */
  sent(since, width) {
    const counts: Record<number, number> = {}
    for (const time of times) {
      const at = Math.floor((time - Number(since)) / Number(width))
      if (at >= 0) counts[at] = (counts[at] ?? 0) + 1
    }
    return counts
  },
})
