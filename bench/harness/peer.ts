import { createServer } from 'node:net'
import { type Calls, type Hello, request, run } from './load.ts'
import type { Memory, Order, Report, Setup } from './setup.ts'

/** The two halves of every peer talk to call.ts through this; each runs in a process of its own. */

/** What this half was started with. */
export const setup: Setup = JSON.parse(process.argv[2] ?? '{}')

/** The handler of every server. */
export function answer({ from, msg }: Hello): Hello {
  return { from: 'server', to: from, msg }
}

/** Told by a server once it takes calls; `registry` is where clients find it, if they do not go to its address. */
export function serving(address: string, registry?: string): void {
  serve([])
  report({ address, registry })
}

/** Told by a server that needs a program which is not installed: the peer is left out. */
export function absent(program: string): void {
  report({ absent: program })
}

/** Told by a client: how it connects, once for each connection that it is to have. Serves call.ts until that goes away. */
export async function calling(connect: () => Calls | Promise<Calls>): Promise<void> {
  const connections: Calls[] = []
  // One after the other: thousands at once would wait for each other longer than their time limits.
  while (connections.length < setup.connections) {
    const calls = await connect()
    connections.push(calls)
    const { from, to, msg } = await calls.hello()
    if (from !== 'server' || to !== request.from || msg !== request.msg)
      throw new Error(`wrong answer: ${JSON.stringify({ from, to, msg })}`)
  }
  serve(connections)
  report({ ready: true })
}

function serve(connections: readonly Calls[]): void {
  process.on('message', (order: Order) => {
    obey(order, connections).then(report, fail)
  })
}

async function obey(order: Order, connections: readonly Calls[]): Promise<Report> {
  if ('load' in order) return { measured: await run(order.load, connections) }
  if ('park' in order) return { parked: await park(order.park, connections) }
  if (order.ask === 'memory') return { memory: await memory() }
  const { user, system } = process.cpuUsage()
  return { cpu: user + system }
}

/** Makes calls that the server never answers, then one that it does: the others are there by then. */
async function park(count: number, connections: readonly Calls[]): Promise<number> {
  const payload = new Uint8Array(0)
  for (let i = 0; i < count; i++) connections[i % connections.length]?.echo?.({ text: 'park', payload, count: 0 }).catch(fail)
  for (const { echo } of connections) await echo?.({ text: 'here', payload, count: 0 })
  return count
}

async function memory(): Promise<Memory> {
  for (let i = 0; i < 3; i++) {
    globalThis.gc?.()
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  const { heapUsed, external, rss } = process.memoryUsage()
  return { heap: heapUsed + external, rss }
}

/** A port that was free a moment ago, for peers that do not say which one they took. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer().on('error', reject)
    server.listen({ port: 0, host: '127.0.0.1' }, () => {
      const address = server.address()
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0))
    })
  })
}

function report(message: Report): void {
  process.send?.(message)
}

function fail(error: unknown): void {
  report({ failure: error instanceof Error ? (error.stack ?? error.message) : String(error) })
}

process.once('disconnect', () => process.exit())
process.once('uncaughtException', fail)
process.once('unhandledRejection', fail)
// Ctrl-C reaches the whole group; call.ts decides when its children end.
process.on('SIGINT', () => {})
