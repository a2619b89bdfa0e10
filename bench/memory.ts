import { close, memoryOf, type Pair, type Pairing, park, round, startClient, startServer, trying } from './harness/pair.ts'
import type { PeerProcess } from './harness/process.ts'
import type { Memory } from './harness/setup.ts'

/** Bytes by peer. */
export interface MemoryFindings {
  /** On the server, for each connection that has carried a call and now carries none. */
  readonly idleConnection: Readonly<Record<string, Memory>>
  /** For each unary call that waits for its handler. */
  readonly callInFlight: Readonly<Record<string, { readonly client: Memory; readonly server: Memory }>>
}

/** What so many connections and calls take on heaps and resident, after collecting garbage. All peers at once: no time is measured. */
export async function measureMemory(
  pairings: readonly Pairing[],
  connections: number,
  calls: number,
  note: (text: string) => void,
): Promise<MemoryFindings> {
  const idle = await Promise.all(pairings.map((pairing) => warm(pairing, note, (pair) => idleConnection(pair, pairing, connections))))
  const streaming = pairings.filter(({ name }) => name !== 'idle-socket')
  const parked = await Promise.all(streaming.map((pairing) => warm(pairing, note, (pair) => callInFlight(pair, calls))))
  return { idleConnection: byName(idle), callInFlight: byName(parked) }
}

type Named<T> = readonly [string, T] | undefined

/** A pair that has made calls before anything is measured. */
async function warm<T>(pairing: Pairing, note: (text: string) => void, use: (pair: Pair) => Promise<T>): Promise<Named<T>> {
  const result = await trying(pairing.name, note, async () => {
    const server = await startServer(pairing, note)
    if (server === undefined) return undefined
    const pair = await startClient(server, pairing)
    await round(pair, { kind: 'hello', inFlight: 8, ms: 300 })
    const measured = await use(pair)
    close([pair])
    return measured
  })
  return result && [pairing.name, result]
}

async function idleConnection(pair: Pair, pairing: Pairing, connections: number): Promise<Memory> {
  let client: PeerProcess | undefined
  const each = await growth(pair.server, connections, async () => {
    client = (await startClient(pair, { ...pairing, connections })).client
  })
  client?.end()
  return each
}

async function callInFlight(pair: Pair, calls: number): Promise<{ client: Memory; server: Memory }> {
  const before = await memoryOf(pair.client)
  const server = await growth(pair.server, calls, () => park(pair, calls))
  return { client: difference(before, await memoryOf(pair.client), calls), server }
}

async function growth(half: PeerProcess, by: number, grow: () => Promise<void>): Promise<Memory> {
  const before = await memoryOf(half)
  await grow()
  return difference(before, await memoryOf(half), by)
}

function difference(before: Memory, after: Memory, by: number): Memory {
  return { heap: Math.round((after.heap - before.heap) / by), rss: Math.round((after.rss - before.rss) / by) }
}

function byName<T>(results: readonly Named<T>[]): Readonly<Record<string, T>> {
  return Object.fromEntries(results.filter((result) => result !== undefined))
}
