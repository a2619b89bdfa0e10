/** `npm run fuzz -- --seconds 60 --seed 7`: mutated conversations with both sides of the transport, for as long as wanted. */
import { parseArgs } from 'node:util'
import { fuzz } from '../test/fuzz/fuzz.ts'

const { values } = parseArgs({ options: { seconds: { type: 'string', default: '30' }, seed: { type: 'string' } } })
const seed = Number(values.seed ?? Date.now() % 1_000_000)
const count = await fuzz({ seed, rounds: Number.POSITIVE_INFINITY, ms: Number(values.seconds) * 1000 })
console.log(`${count} conversations, seed ${seed}: no crash, no hang, no leak`)
