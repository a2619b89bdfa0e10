import type { Registration } from '../../../dist/index.js'
import { etcd } from '../../../dist/registries/etcd.js'
import { now } from '../clock.ts'
import { serve, tell } from '../commands.ts'
import { until } from '../numbers.ts'
import { instance } from '../records.ts'

const [, , address = '', count = '0'] = process.argv
// All at once is more than etcd can do in the usual 5 s where each takes requests of its own.
const registry = etcd({ endpoints: [address], timeout: 60_000 })
let all: readonly Registration[] = []

tell({})
serve({
  async register() {
    const begin = now()
    all = await Promise.all(Array.from({ length: Number(count) }, (_, i) => registry.register(instance('registered', i))))
    // Some may have been lost again while others were not yet written.
    await until('all are registered', () => all.every(({ state }) => state === 'registered'), 50_000, 10)
    return { ms: now() - begin }
  },
  /** Resolves when all have been lost and are back, with the milliseconds from the first loss to the last return. */
  async heal() {
    const returned = new Set<Registration>()
    let begin: number | undefined
    for (const one of all) {
      one.onState((state) => {
        begin ??= now()
        if (state === 'registered') returned.add(one)
      })
    }
    await until('all are back', () => returned.size === all.length, 50_000, 1)
    return { ms: now() - (begin ?? 0) }
  },
  async close() {
    const begin = now()
    await registry.close()
    return { ms: now() - begin }
  },
})
