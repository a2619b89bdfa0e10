import { setTimeout as delay } from 'node:timers/promises'
import { now } from '../clock.ts'
import { serve, tell } from '../commands.ts'
import { broker } from './moleculer-broker.ts'

const args = process.argv.slice(2)

/** Starts a node; resolves with the milliseconds from there to its first call. */
async function start(name: string): Promise<number> {
  let called: (at: number) => void
  const first = new Promise<number>((resolve) => {
    called = resolve
  })
  const node = broker(name, args)
  node.createService({
    name: 'greeter',
    actions: {
      hello: async () => {
        called(now())
        return {}
      },
    },
  })
  await node.start()
  const started = now()
  return (await first) - started
}

const permanent = broker('permanent', args)
permanent.createService({ name: 'greeter', actions: { hello: async () => ({}) } })
await permanent.start()
tell({})
serve({
  /** At random times within so many milliseconds. */
  async start(count, within) {
    const all = Array.from({ length: Number(count) }, async (_, i) => {
      await delay(Math.random() * Number(within))
      return start(`server-${i}`)
    })
    return Object.fromEntries((await Promise.all(all)).entries())
  },
})
