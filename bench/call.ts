/**
 * Calls per second and latency of whole stacks, beckon's beside its peers': client and server in processes of their own,
 * each pinned to a core, rounds interleaved, medians. Only ratios within one run mean anything.
 *
 *   npm run bench                      npm run bench -- --quick
 *   npm run bench -- --json            npm run bench -- --only=unary,tls --peers=beckon,grpc-js --rounds=3 --ms=500
 *   npm run bench -- --save            writes RESULTS.md; for a machine with nothing else to do
 */
import { writeFileSync } from 'node:fs'
import { arch, availableParallelism, loadavg, platform } from 'node:os'
import { parseArgs } from 'node:util'
import { chart } from './harness/chart.ts'
import { page } from './harness/page.ts'
import { failures } from './harness/pair.ts'
import { killAll, pinned } from './harness/process.ts'
import { toJson, toText } from './harness/report.ts'
import { saveSection } from './harness/section.ts'
import { targets, targetTable } from './harness/targets.ts'
import { versions } from './harness/versions.ts'
import { type Findings, parts } from './parts.ts'

const { values: flags } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    quick: { type: 'boolean', default: false },
    save: { type: 'boolean', default: false },
    only: { type: 'string' },
    peers: { type: 'string' },
    rounds: { type: 'string' },
    ms: { type: 'string' },
  },
})
const load = loadavg()[0]?.toFixed(1)
const rounds = number('rounds', flags.rounds, flags.quick ? 3 : 5)
const ms = number('ms', flags.ms, flags.quick ? 300 : 1000)
const only = flags.only?.split(',') ?? Object.keys(parts)
const unknown = only.filter((name) => !(name in parts))
if (unknown.length > 0) usage(`--only: no ${unknown.join(', ')}; there are ${Object.keys(parts).join(', ')}`)

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130))
process.once('exit', killAll)

const begin = performance.now()
let findings: Findings = {}
for (const [name, part] of Object.entries(parts)) {
  if (!only.includes(name)) continue
  note(`${name} (${((performance.now() - begin) / 1000).toFixed(0)} s so far)`)
  findings = { ...findings, ...(await part({ rounds, ms, peers: flags.peers?.split(','), note })) }
}

const reached = targets(findings)
const text = toText(findings)
const how = `${rounds} rounds of ${ms} ms (streams and what follows: ${Math.ceil(ms / 2)}), medians, ${((performance.now() - begin) / 60_000).toFixed(1)} minutes in all; ${pinned() ? 'server and client pinned to a core each' : 'not pinned'}; ${platform()} ${arch()}, ${availableParallelism()} cores, load ${load} before the run`
const { log } = flags.json ? { log: note } : console
log(`${text}\n\n${targetTable(reached)}\n\n${how}`)
if (flags.save) {
  saveSection('calls', page({ text, targets: reached, versions: versions(), how }))
  if (findings.unary !== undefined) writeFileSync(new URL('RESULTS.svg', import.meta.url), chart(findings.unary))
}
if (flags.json) console.log(JSON.stringify({ ...toJson(findings), targets: reached, versions: versions() }))
process.exit(failures.length > 0 ? 1 : 0)

function number(name: string, given: string | undefined, otherwise: number): number {
  const value = given === undefined ? otherwise : Number(given)
  return Number.isInteger(value) && value > 0 ? value : usage(`--${name}: must be an integer > 0, got ${given}`)
}

function usage(problem: string): never {
  note(problem)
  process.exit(2)
}

function note(text: string): void {
  process.stderr.write(`${text}\n`)
}
