/**
 * `npm run hostile`: every attack of test/hostile/attacks.ts on a server with default limits, good calls beside it, and what it came to: the table in
 * docs/security.md. Its last line is `N passed, M failed`.
 */
import { attacks } from '../test/hostile/attacks.ts'
import { stage } from '../test/hostile/stage.ts'

const on = await stage()
let failed = 0
console.log(
  '| what a peer does | how it ends | it sent | until then | the server’s processor time | held then | good calls beside it |\n|---|---|---:|---:|---:|---:|---:|',
)
for (const { threat, ends, run } of attacks) {
  const { outcome, sentBytes, ms, cpuMs, heldBytes, good, bad } = await on.attack(run)
  const fine = ends.test(outcome) && bad.length === 0
  if (!fine) failed++
  const cells = [
    threat,
    outcome,
    bytes(sentBytes),
    `${ms.toFixed(0)} ms`,
    `${cpuMs.toFixed(0)} ms`,
    bytes(Math.max(0, heldBytes)),
    `${good - bad.length} of ${good}`,
  ]
  console.log(`| ${cells.join(' | ')} |${fine ? '' : ` FAILED ${bad[0] ?? ''}`}`)
}
await on.end()
console.log(`\n${attacks.length - failed} passed, ${failed} failed`)
process.exit(failed === 0 ? 0 : 1)

function bytes(count: number): string {
  return count < 1_048_576 ? `${(count / 1024).toFixed(count < 10_240 ? 1 : 0)} KiB` : `${(count / 1_048_576).toFixed(1)} MiB`
}
