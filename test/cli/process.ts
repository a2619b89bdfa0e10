import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process'
import { until } from '../support/echo.ts'

/** What a program that has ended said. */
export interface Ended {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** A program under test. */
export interface Program extends AsyncDisposable {
  readonly child: ChildProcess
  readonly stdout: string
  readonly stderr: string
  /** Resolves when stdout has something like `text` in it. */
  says(text: string | RegExp): Promise<void>
  readonly ended: Promise<Ended>
}

/** The environment without what would tell beckon where its registry is. */
export function cleanEnv(more: Readonly<Record<string, string>> = {}): NodeJS.ProcessEnv {
  const clean = Object.entries(process.env).filter(([name]) => !/^(BECKON|MICRO|ETCD)_|^(FORCE_COLOR|NODE_OPTIONS)$/.test(name))
  return { ...Object.fromEntries(clean), ...more }
}

/** Starts a Node program; `stdin` is all it can read. Disposing of it kills it, if it still runs. */
export function start(args: readonly string[], options: SpawnOptions & { readonly stdin?: string } = {}): Program {
  const { stdin, ...rest } = options
  const child = spawn(process.execPath, args, { env: cleanEnv(), ...rest, stdio: ['pipe', 'pipe', 'pipe'] })
  let stdout = ''
  let stderr = ''
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    stdout += text
  })
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    stderr += text
  })
  child.stdin?.on('error', () => {})
  if (stdin !== undefined) child.stdin?.end(stdin)
  const ended = new Promise<Ended>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code) => resolve({ code, stdout, stderr }))
  })
  return {
    child,
    get stdout() {
      return stdout
    },
    get stderr() {
      return stderr
    },
    says: (text) =>
      until(
        `${args.slice(1).join(' ')} to say ${text}`,
        () => {
          if (typeof text === 'string' ? stdout.includes(text) : text.test(stdout)) return true
          if (child.exitCode !== null) throw new Error(`ended with ${child.exitCode} before it said ${text}:\n${stdout}${stderr}`)
          return false
        },
        40_000,
      ),
    ended,
    async [Symbol.asyncDispose]() {
      if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL')
      await ended
    },
  }
}
