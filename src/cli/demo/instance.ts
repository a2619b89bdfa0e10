import { type ChildProcess, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { exitCodes, failure } from '../exit.ts'
import { serviceName } from './registry.ts'

/** A running process of the book example. */
export interface BookInstance {
  readonly address: string
  /** When its registration was complete, by this machine's clock, as `Date.now()`. */
  readonly registeredAt: number
  readonly process: ChildProcess
  /** Resolves when the process has ended, with its exit code; null where a signal ended it. */
  readonly exited: Promise<number | null>
}

const server = fileURLToPath(new URL('../../examples/book/server.js', import.meta.url))
const leash = new URL('./leash.js', import.meta.url).href

/** How long a record outlives its process: short, so that the demo shows a lease ending. */
export const lease = 3

/** Starts processes of the book example that register where `args` and `env` say. */
export interface Fleet {
  start(): Promise<BookInstance>
  /** Stops all that still run: asks, and after two seconds insists. */
  stop(): Promise<void>
}

/** No process of it outlives this one. */
export function createFleet(args: readonly string[], env: NodeJS.ProcessEnv): Fleet {
  const running = new Map<ChildProcess, Promise<number | null>>()

  function signalAll(signal: NodeJS.Signals): void {
    for (const child of running.keys()) child.kill(signal)
  }

  return {
    async start() {
      const flags = [`--server_name=${serviceName}`, '--server_address=127.0.0.1:0', `--register_ttl=${lease}s`]
      const child = spawn(process.execPath, ['--import', leash, server, ...args, ...flags], {
        // A group of its own: Ctrl-C reaches the demo alone, which stops its instances in order.
        detached: true,
        env,
        stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      })
      const exited = new Promise<number | null>((resolve) => {
        child.once('exit', resolve).once('error', () => resolve(null))
      })
      running.set(child, exited)
      void exited.then(() => running.delete(child))
      return { ...(await registered(child)), process: child, exited }
    },
    async stop() {
      const insist = setTimeout(() => signalAll('SIGKILL'), 2000)
      signalAll('SIGTERM')
      await Promise.all(running.values())
      clearTimeout(insist)
    },
  }
}

const line = /^(\S+) registered at (\S+) /

function registered(child: ChildProcess): Promise<{ address: string; registeredAt: number }> {
  return new Promise((resolve, reject) => {
    let trouble = ''
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      trouble = (trouble + text).slice(0, 10_000)
    })
    child.once('error', (error) => reject(failure(exitCodes.failed, `an instance did not start: ${error.message}`)))
    child.once('close', () => reject(failure(exitCodes.failed, `an instance ended before it was registered: ${gist(trouble)}`)))
    if (child.stdout === null) return
    createInterface({ input: child.stdout }).on('line', (text) => {
      const [, time, address] = line.exec(text) ?? []
      if (time !== undefined && address !== undefined) resolve({ address, registeredAt: Date.parse(time) })
    })
  })
}

/** The line of what a crashed Node process writes that says why. */
function gist(text: string): string {
  const lines = text.split('\n').map((one) => one.trim())
  return lines.find((one) => /Error\b.*:/.test(one)) ?? lines.find((one) => one !== '') ?? 'it did not say why'
}
