// Registers one instance of "echo" in a process of its own: `process-child.mjs <dist> <driver> <options as JSON> <id> <address>`. Says, as JSON, one
// a line, its states, with the time in milliseconds, and what it logs; told a number, keeps its thread busy for so many milliseconds.
import { createInterface } from 'node:readline'

const [, , dist = '', driver = '', options = '{}', id = '', address = ''] = process.argv
const say = (what) => console.log(JSON.stringify(what))
const at = (level) => (_fields, message) => say({ line: `${level} ${message}` })
const logger = { debug() {}, info: at('info'), warn: at('warn'), error: at('error') }
// As it is installed: threads run no TypeScript.
const { etcd, etcdV2 } = await import(`${dist}/registries/${driver}.js`)
const registry = (etcd ?? etcdV2)({ ...JSON.parse(options), logger })
const registration = await registry.register({ id, service: 'echo', address })
const tell = (state) => say({ state, at: performance.now() })
registration.onState(tell)
tell('registered')
const lines = createInterface({ input: process.stdin })
lines.on('line', (ms) => {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, Number(ms))
})
// Ends with whoever started it.
lines.on('close', () => process.exit(0))
