// A client and a server in a process of their own: `leak-child.mjs <dist> <endpoint>…`. For every line that is read it collects garbage and says,
// as JSON, what it holds.
import { createInterface } from 'node:readline'

const [, , dist = '', ...endpoints] = process.argv
const { etcd } = await import(`${dist}/registries/etcd.js`)
const registry = etcd({ endpoints, ttl: 3000 })
const registration = await registry.register({ id: 'a', service: 'echo', address: '127.0.0.1:1' })
let heard = 0
registry.watch('echo', {
  update() {
    heard += 1
  },
  error() {},
})

/** Timers that are due and gone again are no leak; whatever else is open is counted, with who listens to it. */
function holds() {
  const handles = process._getActiveHandles()
  const listeners = handles.reduce((sum, handle) => sum + handle.eventNames().reduce((n, name) => n + handle.listenerCount(name), 0), 0)
  const resources = process.getActiveResourcesInfo().filter((name) => name !== 'Timeout' && name !== 'Immediate')
  const timers = process.getActiveResourcesInfo().length - resources.length
  return { resources: resources.length, timers, listeners, heap: process.memoryUsage().heapUsed }
}

createInterface({ input: process.stdin })
  .on('line', async () => {
    for (let i = 0; i < 4; i++) {
      await new Promise((resolve) => setTimeout(resolve, 50))
      globalThis.gc()
    }
    console.log(JSON.stringify({ ...holds(), heard, state: registration.state, status: registry.state.status }))
  })
  .on('close', () => process.exit(0))
console.log('ready')
