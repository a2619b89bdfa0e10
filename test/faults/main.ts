// `npm run test:faults`: every fault of docs/reliability.md; `-- --report` prints how each went, as a table. `-- --random --seconds N --seed S`:
// a seeded mix of them all instead.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { randomRun } from './random.ts'
import { table } from './report.ts'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    random: { type: 'boolean' },
    report: { type: 'boolean' },
    seconds: { type: 'string', default: '60' },
    seed: { type: 'string' },
  },
})

if (values.random) {
  const seed = Number(values.seed ?? Math.floor(Math.random() * 2 ** 31))
  const wrong = await randomRun({ seconds: Number(values.seconds), seed, log: (line) => console.log(line) })
  for (const line of wrong) console.log(`wrong: ${line}`)
  if (wrong.length > 0) console.log(`again with: npm run test:faults -- --random --seconds ${values.seconds} --seed ${seed}`)
  console.log(wrong.length === 0 ? '1 passed, 0 failed' : '0 passed, 1 failed')
  process.exit(wrong.length === 0 ? 0 : 1)
}

const vitest = fileURLToPath(new URL('../../node_modules/vitest/vitest.mjs', import.meta.url))
const config = fileURLToPath(new URL('vitest.config.ts', import.meta.url))
const directory = mkdtempSync(join(tmpdir(), 'beckon-faults-'))
const file = join(directory, 'report')
const env = { ...process.env, ...(values.report && { BECKON_FAULTS_REPORT: file }) }
const { status } = spawnSync(process.execPath, [vitest, 'run', '--config', config, ...positionals], { stdio: 'inherit', env })
if (values.report) console.log(table(file))
rmSync(directory, { recursive: true })
process.exit(status ?? 1)
