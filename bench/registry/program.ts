import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

/** A program of the bench that runs, asked by lines on its standard input and answering by lines of JSON. */
export interface Program {
  /** What it told first: once it is ready. */
  readonly ready: Answer
  /** Resolves with what it tells next, after it was sent a line, if one is given. One at a time. */
  ask(line?: string): Promise<Answer>
  stop(): Promise<void>
}

/** What a program tells: numbers by name. */
export type Answer = Readonly<Record<string, number>>

const running = new Set<ChildProcess>()
const goPrograms = join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'beckon/bench')
/** The listeners in Go, once they are built. */
export const goBinary: string = join(goPrograms, 'registry-listener')

/** Builds the Go listeners into a cache outside the repository; says why not, where that cannot be. */
export function buildGo(): string | undefined {
  if (spawnSync('go', ['version']).error !== undefined) return 'Go is not installed (https://go.dev/doc/install)'
  mkdirSync(goPrograms, { recursive: true })
  execFileSync('go', ['build', '-o', goBinary, '.'], { cwd: fileURLToPath(new URL('go', import.meta.url)), stdio: 'inherit' })
  return undefined
}

/** Starts a Go listener; the first argument says which. Resolves when it is ready. */
export function startGo(args: readonly string[], ms?: number): Promise<Program> {
  return start(goBinary, args, args[0] ?? '', ms)
}

/** Starts programs/`name`.ts. Resolves when it is ready; rejects when it ends before, or when that takes longer than `ms` milliseconds. */
export function startNode(name: string, args: readonly string[], ms?: number): Promise<Program> {
  const file = fileURLToPath(new URL(`programs/${name}.ts`, import.meta.url))
  return start(process.execPath, ['--expose-gc', '--import', 'tsx', file, ...args], name, ms)
}

async function start(command: string, args: readonly string[], name: string, ms = 60_000): Promise<Program> {
  const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'pipe'] })
  running.add(child)
  child.once('exit', () => running.delete(child))
  let said = ''
  child.stderr.on('data', (chunk) => {
    said = `${said}${chunk}`.slice(-2000)
  })
  const told: Answer[] = []
  let wanted: ((answer: Answer) => void) | undefined
  createInterface(child.stdout).on('line', (line) => {
    const answer = JSON.parse(line)
    if (wanted === undefined) told.push(answer)
    else wanted(answer)
    wanted = undefined
  })

  function ask(line?: string, within = 60_000): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const early = line === undefined ? told.shift() : undefined
      if (early !== undefined) return resolve(early)
      const timer = setTimeout(
        () => done(() => reject(new Error(`${name}: no answer to "${line ?? ''}" within ${within} ms: ${said}`))),
        within,
      )
      const ended = (code: number | null): void => done(() => reject(new Error(`${name}: ended with ${code}: ${said}`)))
      child.once('exit', ended)
      wanted = (answer) => done(() => resolve(answer))
      if (line !== undefined) child.stdin.write(`${line}\n`)

      function done(settle: () => void): void {
        clearTimeout(timer)
        child.off('exit', ended)
        wanted = undefined
        settle()
      }
    })
  }

  async function stop(): Promise<void> {
    if (child.exitCode !== null || child.signalCode !== null) return
    const ended = once(child, 'exit')
    child.kill('SIGKILL')
    await ended
  }

  try {
    return { ready: await ask(undefined, ms), ask, stop }
  } catch (error) {
    await stop()
    throw error
  }
}

/** Starts a server that is no program of the bench; resolves once it says what matches `ready`, with false where it is not installed. */
export function startOther(command: string, args: readonly string[], ready: RegExp): Promise<boolean> {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] })
  running.add(child)
  let said = ''
  return new Promise((resolve, reject) => {
    child.once('error', () => {
      running.delete(child)
      resolve(false)
    })
    child.once('exit', (code) => reject(new Error(`${command} ended with ${code}: ${said}`)))
    for (const output of [child.stdout, child.stderr]) {
      output.on('data', (chunk) => {
        said = `${said}${chunk}`.slice(-2000)
        if (ready.test(said)) resolve(true)
      })
    }
  })
}

/** Ends every program that was started here. */
export function killAll(): void {
  for (const child of running) child.kill('SIGKILL')
}

/** Microseconds of processor time that a process has used, in steps of 10 ms; undefined where the system does not tell. */
export function cpuOf(pid: number | undefined): number | undefined {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ') ?? []
    return (Number(fields[11]) + Number(fields[12])) * 10_000
  } catch {
    return undefined
  }
}
