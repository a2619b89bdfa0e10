/**
 * Mutated conversations and floods with both sides of the transport, for as long as wanted; its last line is `N passed, M failed`.
 *
 *   npm run fuzz -- --seconds 60 --seed 7     one run, which passes or fails
 *   npm run fuzz -- --prove                   whether it finds each of the faults in test/fuzz/faults.ts, put into the engine
 */
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { faults } from '../test/fuzz/faults.ts'
import { fuzz } from '../test/fuzz/fuzz.ts'
import { watchdog } from '../test/fuzz/watchdog.ts'

const { values } = parseArgs({
  options: { seconds: { type: 'string' }, seed: { type: 'string' }, fault: { type: 'string' }, prove: { type: 'boolean' } },
})
process.exitCode = (await (values.prove ? prove() : run())) ? 0 : 1

async function run(): Promise<boolean> {
  const seed = Number(values.seed ?? Date.now() % 1_000_000)
  const { fault } = values
  if (fault !== undefined) faults[fault]?.inject()
  console.log(`seed ${seed}${fault === undefined ? '' : `, with a fault: ${fault}`}`)
  const rest = watchdog(fault === undefined ? 20_000 : 5000, `seed ${seed}: the event loop is stuck\n0 passed, 1 failed`)
  try {
    const patience = fault === undefined ? {} : { patience: 6000 }
    const count = await fuzz({ seed, rounds: Number.POSITIVE_INFINITY, ms: Number(values.seconds ?? 30) * 1000, ...patience })
    console.log(`${count} conversations: no crash, no hang, no leak, no unbounded buffer\n1 passed, 0 failed`)
    return true
  } catch (error) {
    console.log(`${(error as Error).message}\n0 passed, 1 failed`)
    return false
  } finally {
    rest()
    // What is stuck would keep the process.
    setTimeout(() => process.exit(), 1000).unref()
  }
}

async function prove(): Promise<boolean> {
  let found = 0
  for (const [name, { tells }] of Object.entries(faults)) {
    const output = await heard('--fault', name, '--seconds', values.seconds ?? '300', '--seed', values.seed ?? '1')
    const told = tells.exec(output)
    found += told === null ? 0 : 1
    console.log(told === null ? `NOT FOUND: ${name}: ${output}` : `found: ${name}: ${told[0]}`)
  }
  const missed = Object.keys(faults).length - found
  console.log(`${found} passed, ${missed} failed`)
  return missed === 0
}

function heard(...args: string[]): Promise<string> {
  const self = ['--import', 'tsx', fileURLToPath(import.meta.url), ...args]
  return new Promise((resolve) => {
    execFile(process.execPath, self, { timeout: 400_000, killSignal: 'SIGKILL' }, (_error, stdout, stderr) => resolve(`${stdout}${stderr}`))
  })
}
