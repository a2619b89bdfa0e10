/**
 * What following and writing a registry costs with 10 to 100,000 instances on a real etcd, beckon's beside its peers'.
 *
 *   npm run bench:registry                      npm run bench:registry -- --only=change,latency --max=10000
 *   npm run bench:registry -- --json            npm run bench:registry -- --quick --max=10000
 *   npm run bench:registry -- --save            writes its part of RESULTS.md; for a machine with nothing else to do
 */
import { writeFileSync } from 'node:fs'
import { arch, availableParallelism, loadavg, platform } from 'node:os'
import { parseArgs } from 'node:util'
import { saveSection } from './harness/section.ts'
import { targetTable } from './harness/targets.ts'
import { chart } from './registry/chart.ts'
import { page } from './registry/page.ts'
import { parts } from './registry/parts.ts'
import { toText } from './registry/report.ts'
import type { Results } from './registry/results.ts'
import { openScene } from './registry/scene.ts'
import { targetsOf } from './registry/targets.ts'

const { values: flags } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    quick: { type: 'boolean', default: false },
    save: { type: 'boolean', default: false },
    only: { type: 'string', default: Object.keys(parts).join(',') },
    max: { type: 'string', default: '100000' },
  },
})
const busy = loadavg()[0]?.toFixed(1)
const max = Number(flags.max)
if (!Number.isInteger(max) || max < 10) usage(`--max: must be an integer ≥ 10, got ${flags.max}`)
const names = flags.only.split(',')
const unknown = names.filter((name) => parts[name] === undefined)
if (unknown.length > 0) usage(`--only: no ${unknown.join(', ')}; there are ${Object.keys(parts).join(', ')}`)

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130))
const scene = await openScene({ max, quick: flags.quick, note })
let results: Results = {}
for (const name of names) {
  const begin = performance.now()
  try {
    results = { ...results, ...(await parts[name]?.(scene)) }
    note(`${name}: ${((performance.now() - begin) / 1000).toFixed(0)} s`)
  } catch (error) {
    // What the others found is told all the same.
    note(`${name} failed: ${error instanceof Error ? error.stack : error}`)
    process.exitCode = 1
  }
}
await scene.end()

const machine = `Node ${process.version}, ${platform()} ${arch()}, ${availableParallelism()} cores, load ${busy} before the run`
const { log } = flags.json ? { log: note } : console
log([toText(results), targetTable(targetsOf(results)), machine].join('\n\n'))
if (flags.save) {
  saveSection('registry', page(results, `${new Date().toISOString().slice(0, 10)}: ${machine}.`))
  if (results.change) writeFileSync(new URL('RESULTS-registry.svg', import.meta.url), chart(results.change))
}
if (flags.json) console.log(JSON.stringify({ ...results, targets: targetsOf(results) }))
process.exit()

function usage(problem: string): never {
  note(problem)
  process.exit(2)
}

function note(text: string): void {
  process.stderr.write(`${text}\n`)
}
