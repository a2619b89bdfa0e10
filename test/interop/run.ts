/**
 * The suites that others wrote for HTTP/2 and gRPC, against our server and client. Needs Go; the suites' programs are built
 * into the user's cache.
 *
 *   npm run test:interop                npm run test:interop -- h2spec
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { makeCertificates } from '../support/certificates.ts'
import { conformance } from './conformance.ts'
import { goClient, goServer } from './grpc-go.ts'
import { h2spec } from './h2spec.ts'
import { killAll } from './process.ts'
import { script } from './script.ts'
import type { Suite } from './suite.ts'

const suites: readonly Suite[] = [
  h2spec(false),
  h2spec(true),
  conformance('server'),
  conformance('client'),
  goClient(false),
  goClient(true),
  goServer(false),
  goServer(true),
  script('grpcurl'),
  script('connect'),
  script('proxies'),
  script('go'),
]

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130))
process.once('exit', killAll)

const asked = process.argv.slice(2)
const folder = mkdtempSync(join(tmpdir(), 'beckon-interop-'))
process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
const tools = { folder, files: makeCertificates(folder).files }

let passed = 0
let failed = 0
const waiting = suites.filter(({ name }) => asked.length === 0 || asked.some((start) => name.startsWith(start)))

async function lane(): Promise<void> {
  for (let suite = waiting.shift(); suite !== undefined; suite = waiting.shift()) {
    const from = performance.now()
    const outcome = await suite.run(tools).catch((error: Error) => ({ passed: 0, failures: [error.message] }))
    passed += outcome.passed
    failed += outcome.failures.length
    for (const failure of outcome.failures) console.log(`FAILED ${suite.name}: ${failure}`)
    const seconds = ((performance.now() - from) / 1000).toFixed(1)
    console.log(`${suite.name}: ${outcome.passed} of ${outcome.passed + outcome.failures.length} passed in ${seconds} s`)
  }
}

// Some wait for what a peer does after a while.
await Promise.all([lane(), lane(), lane()])
console.log(`${passed} passed, ${failed} failed`)
process.exit(failed > 0 || passed === 0 ? 1 : 0)
