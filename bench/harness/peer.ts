import { createServer } from 'node:net'
import { type Figures, Histogram } from './figures.ts'

/** The two halves of every peer talk to call.ts through this; each runs in a process of its own. */

/** What call.ts asks a client for. */
export interface Round {
  readonly inFlight: number
  readonly ms: number
}

/** What a peer's process tells call.ts. */
export type Report =
  | { readonly address: string }
  | { readonly absent: string }
  | { readonly ready: true }
  | { readonly figures: Figures }
  | { readonly failure: string }

/** What every peer sends and gets: `Greeter.Hello`, three short strings each way. */
export interface Hello {
  readonly from: string
  readonly to: string
  readonly msg: string
}

/** The request of every call. */
export const request: Hello = { from: 'client', to: 'server', msg: 'hello, how are you?' }

/** The handler of every server. */
export function answer({ from, msg }: Hello): Hello {
  return { from: 'server', to: from, msg }
}

/** Where a client finds its server: what {@link serving} was given. */
export function serverAddress(): string {
  return process.argv[2] ?? ''
}

/** Told by a server once it takes calls. */
export function serving(address: string): void {
  report({ address })
}

/** Told by a server that needs a program which is not installed: the peer is left out. */
export function absent(program: string): void {
  report({ absent: program })
}

/** Told by a client: how it makes one call. Serves call.ts until that goes away. */
export async function calling(call: () => Promise<Hello>): Promise<void> {
  const { from, to, msg } = await call()
  if (from !== 'server' || to !== request.from || msg !== request.msg) throw new Error(`wrong answer: ${JSON.stringify({ from, to, msg })}`)
  process.on('message', (round: Round) => {
    load(call, round).then((figures) => report({ figures }), fail)
  })
  report({ ready: true })
}

/** Keeps `inFlight` calls going for `ms` milliseconds. One that fails ends the measurement. */
async function load(call: () => Promise<Hello>, { inFlight, ms }: Round): Promise<Figures> {
  const times = new Histogram()
  const begin = performance.now()
  const end = begin + ms
  const one = async (): Promise<void> => {
    for (let start = performance.now(); start < end; ) {
      await call()
      const now = performance.now()
      times.add(now - start)
      start = now
    }
  }
  await Promise.all(Array.from({ length: inFlight }, one))
  const seconds = (performance.now() - begin) / 1000
  return { rps: times.total / seconds, p50us: times.percentile(0.5), p99us: times.percentile(0.99) }
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
