import { spawn, spawnSync } from 'node:child_process'
import { connect } from 'node:net'
import type { Context } from 'moleculer'
import type { Hello } from '../../harness/load.ts'
import { absent, answer, freePort, serving } from '../../harness/peer.ts'
import { broker } from './broker.ts'

if (spawnSync('nats-server', ['-v']).error !== undefined) {
  absent('nats-server')
  // Until call.ts, having heard it, ends.
  await new Promise(() => setInterval(() => {}, 60_000))
}
const port = await freePort()
// It ends with this process, however that ends: its standard input does.
spawn('sh', ['-c', `nats-server -a 127.0.0.1 -p ${port} & cat; kill $!`], { stdio: ['pipe', 'ignore', 'ignore'] })
while (!(await listens())) await new Promise((resolve) => setTimeout(resolve, 50))

const server = broker('server', `nats://127.0.0.1:${port}`)
server.createService({
  name: 'greeter',
  actions: {
    hello: async (context: Context<Hello>) => answer(context.params),
  },
})
await server.start()
serving(`nats://127.0.0.1:${port}`)

function listens(): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1' })
    socket.on('error', () => resolve(false))
    socket.on('connect', () => {
      socket.destroy()
      resolve(true)
    })
  })
}
