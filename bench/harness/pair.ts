import { type Figures, figures, medians, type Results } from './figures.ts'
import { command } from './peers.ts'
import { type PeerProcess, start } from './process.ts'
import type { Load, Memory, Report, TlsFiles } from './setup.ts'

/** Which peers, and how they are connected. */
export interface Pairing {
  /** A client and the server it calls, where they are not the same peer's: `client → server`. */
  readonly name: string
  readonly connections?: number | undefined
  readonly tls?: TlsFiles | undefined
}

/** A server, running, and where its clients find it. */
export interface Serving {
  readonly server: PeerProcess
  readonly address: string
  readonly registry?: string | undefined
}

/** A client and its server, running. */
export interface Pair extends Serving {
  readonly name: string
  readonly client: PeerProcess
}

/** Long enough for a slow and busy machine to start a process and open its connections. */
const patience = 120_000

/** Peers that did not do what they were asked for, and why. */
export const failures: string[] = []

/** What a peer was asked for; undefined, and kept in {@link failures}, when it failed: the others go on without it. */
export async function trying<T>(name: string, note: (text: string) => void, work: () => Promise<T>): Promise<T | undefined> {
  try {
    return await work()
  } catch (thrown) {
    failures.push(`${name}: ${thrown instanceof Error ? thrown.message : thrown}`)
    note(`FAILED ${failures.at(-1)}`)
    return undefined
  }
}

/** Starts pairs, all at once. Those that need a program which is not there are left out, saying so. */
export async function open(pairings: readonly Pairing[], note: (text: string) => void): Promise<readonly Pair[]> {
  const openOne = async (pairing: Pairing): Promise<Pair | undefined> => {
    const serving = await startServer(pairing, note)
    return serving && startClient(serving, pairing)
  }
  const opened = await Promise.all(pairings.map((pairing) => trying(pairing.name, note, () => openOne(pairing))))
  return opened.filter((pair) => pair !== undefined)
}

/** Starts a pairing's server; undefined, saying so, when the client or the server needs a program which is not there. */
export async function startServer({ name, tls }: Pairing, note: (text: string) => void): Promise<Serving | undefined> {
  const [serving, calling] = [command(serverOf(name), 'server'), command(clientOf(name), 'client')]
  if ('absent' in serving) return leaveOut(serving.absent)
  if ('absent' in calling) return leaveOut(calling.absent)
  const server = start([...serving, JSON.stringify({ tls })], 0)
  const up = await server.next(patience)
  if ('absent' in up) return leaveOut(`${up.absent} is not installed`)
  const { address, registry } = told(up, 'address')
  return { server, address, registry }

  function leaveOut(reason: string): undefined {
    note(`${name} is left out: ${reason}`)
  }
}

/** Starts a client of a server; it has made a call on each of its connections. */
export async function startClient(serving: Serving, { name, connections = 1, tls }: Pairing): Promise<Pair> {
  const { address, registry } = serving
  const calling = command(clientOf(name), 'client')
  if ('absent' in calling) throw new Error(calling.absent)
  const client = start([...calling, JSON.stringify({ address, registry, connections, tls })], 1)
  await client.next(patience)
  return { ...serving, name, client }
}

function clientOf(name: string): string {
  return name.split(' → ')[0] ?? name
}

function serverOf(name: string): string {
  return name.split(' → ').at(-1) ?? name
}

/** Ends pairs. */
export function close(pairs: readonly Pair[]): void {
  for (const { client, server } of pairs) for (const half of [client, server]) half.end()
}

/** Warms pairs up with loads of `warmUp` milliseconds, then puts every load on every pair, again and again, in turns; the medians. */
export async function measure(
  pairs: readonly Pair[],
  loads: ReadonlyMap<number, Load>,
  { rounds, warmUp, note }: { readonly rounds: number; readonly warmUp: number; readonly note: (text: string) => void },
): Promise<Results> {
  const left = new Map(pairs.map((pair) => [pair, new Map([...loads.keys()].map((level) => [level, [] as Figures[]]))]))
  const each = async (level: number, load: Load, counts: boolean): Promise<void> => {
    for (const [pair, byLevel] of left) {
      const result = await trying(pair.name, note, () => round(pair, load))
      if (result === undefined) left.delete(pair)
      else if (counts) byLevel.get(level)?.push(result)
    }
  }
  for (const [level, load] of loads) await each(level, { ...load, ms: warmUp }, false)
  for (let count = 1; count <= rounds; count++) {
    note(`  round ${count} of ${rounds}`)
    for (const [level, load] of loads) await each(level, load, true)
  }
  return new Map([...left].map(([{ name }, byLevel]) => [name, new Map([...byLevel].map(([level, all]) => [level, medians(all)]))]))
}

/** One load on one pair. */
export async function round({ client, server }: Pair, load: Load): Promise<Figures> {
  const before = told(await server.next(patience, { ask: 'cpu' }), 'cpu').cpu
  const { measured } = told(await client.next(load.ms + patience, { load }), 'measured')
  return figures(measured, told(await server.next(patience, { ask: 'cpu' }), 'cpu').cpu - before)
}

/** What a half holds after collecting garbage. */
export async function memoryOf(half: PeerProcess): Promise<Memory> {
  return told(await half.next(patience, { ask: 'memory' }), 'memory').memory
}

/** Makes calls that stay in flight. */
export async function park({ client }: Pair, count: number): Promise<void> {
  told(await client.next(patience, { park: count }), 'parked')
}

function told<K extends string>(report: Report, what: K): Extract<Report, Record<K, unknown>> {
  if (what in report) return report as Extract<Report, Record<K, unknown>>
  throw new Error(`a peer told ${JSON.stringify(report)} when asked for ${what}`)
}
