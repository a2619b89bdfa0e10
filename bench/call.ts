/**
 * Calls per second and latency of `Greeter.Hello` through whole stacks, beckon's beside its peers': client and server in
 * processes of their own, each pinned to a core, rounds interleaved, medians. Only ratios within one run mean anything.
 *
 *   npm run bench                      npm run bench -- --quick
 *   npm run bench -- --json            npm run bench -- --peers=beckon,grpc-js --rounds=3 --ms=500
 *   npm run bench -- --save            writes RESULTS.md; for a machine with nothing else to do
 */
import { readdirSync, writeFileSync } from 'node:fs'
import { arch, availableParallelism, loadavg, platform } from 'node:os'
import { parseArgs } from 'node:util'
import { chart } from './harness/chart.ts'
import { type Figures, medians } from './harness/figures.ts'
import { page } from './harness/page.ts'
import { killAll, type PeerProcess, pinned, start } from './harness/process.ts'
import { saveSection } from './harness/section.ts'
import { cpuTable, table } from './harness/table.ts'

const { values: flags } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    quick: { type: 'boolean', default: false },
    save: { type: 'boolean', default: false },
    peers: { type: 'string' },
    rounds: { type: 'string' },
    ms: { type: 'string' },
  },
})
const busy = loadavg()[0]?.toFixed(1)
const levels = [1, 16, 64, 256]
const rounds = number('rounds', flags.rounds, flags.quick ? 3 : 5)
const ms = number('ms', flags.ms, flags.quick ? 300 : 1000)
const folder = new URL('peers/', import.meta.url)
const peers = readdirSync(folder).sort((a, b) => Number(b === 'beckon') - Number(a === 'beckon'))
const names = flags.peers?.split(',') ?? peers
const unknown = names.filter((name) => !peers.includes(name))
if (unknown.length > 0) usage(`--peers: no ${unknown.join(', ')}; there are ${peers.join(', ')}`)

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130))
process.once('exit', killAll)

const clients = new Map<string, Peer>()
for (const name of names) {
  const peer = await open(name)
  if (peer !== undefined) clients.set(name, peer)
}

const measured = new Map([...clients.keys()].map((name) => [name, new Map(levels.map((level) => [level, [] as Figures[]]))]))
for (const client of clients.values()) await round(client, 64, Math.max(ms, 500)) // warms up, is not counted
for (let count = 1; count <= rounds; count++) {
  note(`round ${count} of ${rounds}`)
  for (const level of levels)
    for (const [name, client] of clients)
      measured
        .get(name)
        ?.get(level)
        ?.push(await round(client, level, ms))
}

const results = new Map([...measured].map(([name, byLevel]) => [name, new Map([...byLevel].map(([level, all]) => [level, medians(all)]))]))
const figures = `${table(results, levels)}\n\n${cpuTable(results, levels)}`
const how = `${rounds} rounds of ${ms} ms, medians; ${pinned() ? 'server and client pinned to a core each' : 'not pinned'}; Node ${process.version}, ${platform()} ${arch()}, ${availableParallelism()} cores, load ${busy} before the run`
const { log } = flags.json ? { log: note } : console
log(`${figures}\n${how}`)
if (flags.save) {
  saveSection('calls', page(figures, `${new Date().toISOString().slice(0, 10)}: ${how}.`))
  writeFileSync(new URL('RESULTS.svg', import.meta.url), chart(results, 64))
}
if (flags.json) {
  const unary = Object.fromEntries([...results].map(([name, byLevel]) => [name, Object.fromEntries(byLevel)]))
  console.log(JSON.stringify({ unary }))
}
process.exit()

interface Peer {
  readonly client: PeerProcess
  readonly server: PeerProcess
}

async function open(name: string): Promise<Peer | undefined> {
  note(`starting ${name}`)
  const server = start(new URL(`${name}/server.ts`, folder).pathname, 0)
  const up = await server.next(20_000)
  if ('absent' in up) {
    note(`${name} is left out: ${up.absent} is not installed`)
    return undefined
  }
  if (!('address' in up)) throw new Error(`${name}: its server told no address`)
  const client = start(new URL(`${name}/client.ts`, folder).pathname, 1, [up.address])
  await client.next(20_000)
  return { client, server }
}

async function round({ client, server }: Peer, inFlight: number, time: number): Promise<Figures> {
  const before = [client.cpu(), server.cpu()]
  const begin = performance.now()
  const report = await client.next(time + 20_000, { inFlight, ms: time })
  if (!('figures' in report)) throw new Error('a client told something else than figures')
  const calls = (report.figures.rps * (performance.now() - begin)) / 1000
  const [clientCpuUs, serverCpuUs] = [client.cpu(), server.cpu()].map((after, i) => {
    const from = before[i]
    return after === undefined || from === undefined ? undefined : (after - from) / calls
  })
  return clientCpuUs === undefined || serverCpuUs === undefined ? report.figures : { ...report.figures, clientCpuUs, serverCpuUs }
}

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
