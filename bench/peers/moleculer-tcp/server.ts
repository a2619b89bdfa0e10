import type { Context } from 'moleculer'
import type { Hello } from '../../harness/load.ts'
import { answer, freePort, serving } from '../../harness/peer.ts'
import { broker } from './broker.ts'

const port = await freePort()
const server = broker('server', port, [])
server.createService({
  name: 'greeter',
  actions: {
    hello: async (context: Context<Hello>) => answer(context.params),
  },
})
await server.start()
serving(`tcp://127.0.0.1:${port}/server`)
