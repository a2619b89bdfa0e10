// Registers one instance of "echo" in a process of its own: `process-child.mjs <dist> <options as JSON> <id> <address>`. Says its
// states, one a line, with the time in milliseconds; told a number, keeps its thread busy for so many milliseconds.
import { createInterface } from 'node:readline'

const [, , dist = '', options = '{}', id = '', address = ''] = process.argv
// As it is installed: threads run no TypeScript.
const { etcd } = await import(`${dist}/registries/etcd.js`)
const registry = etcd(JSON.parse(options))
const registration = await registry.register({ id, service: 'echo', address })
const say = (state) => console.log(state, performance.now())
registration.onState(say)
say('registered')
const lines = createInterface({ input: process.stdin })
lines.on('line', (ms) => {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, Number(ms))
})
// Ends with whoever started it.
lines.on('close', () => process.exit(0))
