import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, afterEach, beforeAll, beforeEach } from 'vitest'
import { type EtcdProcess, startEtcd } from '../../support/etcd.ts'
import { variant } from './variant.ts'

const run = promisify(execFile)
/** Those that run, for the case that a test does not come to its end. */
const running = new Set<ChildProcess>()

const cache = join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'beckon/interop/bin')

/** A program of this folder that runs. */
export interface Program extends AsyncDisposable {
  /** What followed `ready`: where it listens, if it does. */
  readonly address: string
  /** What it has printed since, as JSON. */
  readonly printed: readonly unknown[]
  /** Writes a line and resolves with what is printed next. One at a time. */
  ask(line: string): Promise<unknown>
  /** Ends it and waits for its end. */
  stop(signal?: NodeJS.Signals): Promise<void>
}

/** Builds a program into a cache outside the repository; resolves with its path. Go itself knows what has to be built anew. */
async function build(name: string, like?: string): Promise<string> {
  const path = join(cache, `beckon-${name}`)
  const folderOf = (one: string): string => fileURLToPath(new URL(one, import.meta.url))
  const overlay = like === undefined ? [] : ['-overlay', await variant(folderOf(name), folderOf(like), `${path}.src`)]
  // Without go-zero's resolver for Kubernetes, which would take longer than all the rest.
  await run('go', ['build', '-tags', 'no_k8s', ...overlay, '-o', path, '.'], { cwd: folderOf(name) })
  return path
}

async function start(path: string, args: readonly string[]): Promise<Program> {
  const child = spawn(path, args, { stdio: ['pipe', 'pipe', 'pipe'] })
  running.add(child)
  child.once('exit', () => running.delete(child))
  const printed: unknown[] = []
  const waiting: ((value: unknown) => void)[] = []
  let said = ''
  child.stderr.on('data', (chunk) => {
    said += chunk
  })
  const address = await new Promise<string>((resolve, reject) => {
    child.once('error', reject)
    child.once('exit', (code) => reject(new Error(`${path} ${args.join(' ')} ended with ${code}: ${said}`)))
    createInterface(child.stdout).on('line', (line) => {
      const [, at] = /^ready ?(.*)$/.exec(line) ?? []
      if (at !== undefined) resolve(at)
      else if (line.startsWith('{')) {
        const value: unknown = JSON.parse(line)
        printed.push(value)
        waiting.shift()?.(value)
      }
    })
  })
  const stop = (signal: NodeJS.Signals = 'SIGTERM'): Promise<void> => end(child, signal)
  return {
    address,
    printed,
    ask: (line) =>
      new Promise((resolve, reject) => {
        const failed = (): void => reject(new Error(`${path} ended: ${said}`))
        child.once('exit', failed)
        waiting.push((value) => {
          child.off('exit', failed)
          resolve(value)
        })
        child.stdin.write(`${line}\n`)
      }),
    stop,
    async [Symbol.asyncDispose]() {
      const force = setTimeout(() => child.kill('SIGKILL'), 5000)
      await stop()
      clearTimeout(force)
    },
  }
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = once(child, 'exit')
  child.kill(signal)
  await ended
}

/** A Go program for the tests of one file, `like` another's if it is a variant of it, and an etcd, if there is none yet to share. */
export function between(
  name: string,
  { shared, like }: { shared?: () => EtcdProcess; like?: string | undefined } = {},
): {
  readonly etcd: () => EtcdProcess
  /** Starts the program, which the test ends by disposing of it. */
  program(...args: string[]): Promise<Program>
  /** Runs the program to its end; resolves with what it printed. */
  output(...args: string[]): Promise<unknown>
} {
  let path: string
  let etcd: EtcdProcess | undefined
  beforeAll(async () => {
    path = await build(name, like)
    if (shared === undefined) etcd = await startEtcd({ args: ['--enable-v2=true'] })
  })
  afterAll(() => etcd?.stop())
  beforeEach(() => etcd?.etcdctl('del', '--prefix', ''))
  afterEach(async () => {
    await Promise.all([...running].map((child) => end(child, 'SIGKILL')))
  })
  const theEtcd = (): EtcdProcess => {
    const one = etcd ?? shared?.()
    if (one === undefined) throw new Error('etcd is not running')
    return one
  }
  const withEtcd = (args: readonly string[]): string[] => ['-etcd', theEtcd().address, ...args]
  return {
    etcd: theEtcd,
    program: (...args) => start(path, withEtcd(args)),
    output: async (...args) => JSON.parse((await run(path, withEtcd(args))).stdout),
  }
}
