/**
 * `npm run soak -- --seconds 360`: full load between a server's and a client's process, in plain text and over TLS, with clients that come and go,
 * connections that grow old, streams that are left and deadlines that pass. Looks at both processes' memory and handles after the collection of
 * garbage, at most sixty times, and says whether they are flat by the rule in test/soak/verdict.ts. Its last line is `N passed, M failed`.
 */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import type { Sample } from '../test/soak/sample.ts'
import { trends } from '../test/soak/verdict.ts'
import { makeCertificates } from '../test/support/certificates.ts'

const { values } = parseArgs({ options: { seconds: { type: 'string', default: '60' } } })
const seconds = Number(values.seconds)
const folder = mkdtempSync(join(tmpdir(), 'beckon-soak-'))
process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
const { ca, cert, key } = makeCertificates(folder).files

function child(name: string, ...args: string[]): ChildProcess {
  const file = fileURLToPath(new URL(`../test/soak/${name}-child.ts`, import.meta.url))
  const one = fork(file, args, { execArgv: ['--import', 'tsx'] })
  one.once('exit', (code) => {
    console.log(`the ${name} ended with ${code}\n0 passed, 1 failed`)
    process.exit(1)
  })
  process.once('exit', () => one.kill('SIGKILL'))
  return one
}

async function next<T>(of: ChildProcess): Promise<T> {
  const [message] = (await once(of, 'message')) as [T]
  return message
}

interface Told {
  readonly sample: Sample
  readonly done: Readonly<Record<string, number>>
  readonly failures: Readonly<Record<string, number>>
}

const server = child('server', cert, key)
const client = child('client', ...(await next<string[]>(server)), ca)
await next(client)
const begun = performance.now()
const samples: { readonly server: Sample[]; readonly client: Sample[] } = { server: [], client: [] }
let last: Told | undefined
for (let i = 1; performance.now() < begun + seconds * 1000; i++) {
  await new Promise((resolve) => setTimeout(resolve, (seconds * 1000) / 60))
  const answers = Promise.all([next<Sample>(server), next<Told>(client)])
  server.send('look')
  client.send('look')
  const [ofServer, ofClient] = await answers
  samples.server.push(ofServer)
  samples.client.push(ofClient.sample)
  last = ofClient
  if (i % 10 === 0) console.log(`${Math.round(ofClient.sample.at)} s: ${line('server', ofServer)}; ${line('client', ofClient.sample)}`)
}
server.removeAllListeners('exit')
client.removeAllListeners('exit')

const elapsed = (performance.now() - begun) / 1000
const { done = {}, failures = {} } = last ?? {}
const { clients = 0, ...ends } = done
const calls = Object.values(ends).reduce((sum, count) => sum + count, 0)
console.log(
  `${calls} calls (${Math.round(calls / elapsed)} a second) and ${clients} clients that came and went, in ${Math.round(elapsed)} s`,
)
console.log(`ended as meant: ${JSON.stringify(ends)}; not: ${JSON.stringify(failures)}`)
let flat = true
for (const [who, all] of Object.entries(samples)) {
  for (const { measure, level, growth, flat: one } of trends(all)) {
    flat &&= one
    console.log(
      `${who}: ${measure} ${shown(measure, level)}, grown by ${shown(measure, growth)} in the last two thirds: ${one ? 'flat' : 'NOT FLAT'}`,
    )
  }
}
const good = flat && Object.keys(failures).length === 0
console.log(good ? '1 passed, 0 failed' : '0 passed, 1 failed')
process.exit(good ? 0 : 1)

function line(who: string, { heap, rss, handles }: Sample): string {
  return `${who} ${shown('heap', heap)} held, ${shown('rss', rss)} RSS, ${handles} handles`
}

function shown(measure: string, value: number): string {
  return measure === 'handles' ? String(Math.round(value)) : `${(value / 1_048_576).toFixed(1)} MiB`
}
