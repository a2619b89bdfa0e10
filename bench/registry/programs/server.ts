import { createServer } from '../../../dist/index.js'
import { etcd } from '../../../dist/registries/etcd.js'
import { Greeter } from '../../../examples/gen/hello_pb.ts'
import { now } from '../clock.ts'
import { serve, tell } from '../commands.ts'

const [, , address = ''] = process.argv
const registry = etcd({ endpoints: [address] })

/** Resolves with the milliseconds from its being registered to its first call. */
async function start(): Promise<{ ms: number; stop(): Promise<unknown> }> {
  let called: (at: number) => void
  const first = new Promise<number>((resolve) => {
    called = resolve
  })
  const server = createServer({ name: 'hello.srv.say', registry, address: '127.0.0.1:0', propagation: 50 })
  server.handle(Greeter, {
    async hello({ from, msg }) {
      called(now())
      return { from: 'server', to: from, msg }
    },
  })
  await server.start()
  const registered = now()
  return { ms: (await first) - registered, stop: () => server.close() }
}

const permanent = createServer({ name: 'hello.srv.say', registry, address: '127.0.0.1:0' })
permanent.handle(Greeter, { hello: async ({ from, msg }) => ({ from: 'server', to: from, msg }) })
await permanent.start()
tell({})
serve({
  async start(count) {
    const times: number[] = []
    for (let i = 0; i < Number(count); i++) {
      const { ms, stop } = await start()
      times.push(ms)
      await stop()
    }
    return Object.fromEntries(times.entries())
  },
})
