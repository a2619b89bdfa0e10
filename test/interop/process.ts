import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

const children = new Set<ChildProcess>()

/** Arguments after which Node runs one of the files in peers/. */
export function peer(name: string): readonly [string, ...string[]] {
  return [process.execPath, '--import', 'tsx', fileURLToPath(new URL(`peers/${name}.ts`, import.meta.url))]
}

/** A program's whole output, and how it ended; it is ended itself after `ms` milliseconds. */
export async function run(program: string, args: readonly string[], ms: number): Promise<{ code: number | null; output: string }> {
  const child = started(program, args)
  const timer = setTimeout(() => child.kill('SIGKILL'), ms)
  let output = ''
  for (const stream of [child.stdout, child.stderr])
    stream?.setEncoding('utf8').on('data', (text: string) => {
      output += text
    })
  const [code] = (await once(child, 'close')) as [number | null]
  clearTimeout(timer)
  return { code, output: code === null ? `${output}\nended by a signal, after at most ${ms} ms` : output }
}

/** A server's process. */
export interface Running {
  /** The first line it wrote: for the peers of this folder, where it listens. */
  readonly first: string
  stop(): Promise<void>
}

/** Starts a program and waits for the first line that matches. */
export async function start(
  program: string,
  args: readonly string[],
  line: RegExp = /./,
  env: Readonly<Record<string, string>> = {},
): Promise<Running> {
  const child = started(program, args, env)
  let heard = ''
  const first = await new Promise<string>((resolve, reject) => {
    for (const stream of [child.stdout, child.stderr])
      createInterface({ input: stream as NonNullable<typeof stream> }).on('line', (text) => {
        heard += `${text}\n`
        if (line.test(text)) resolve(text)
      })
    child.once('error', reject)
    child.once('close', (code) => reject(new Error(`${program} ended with ${code}: ${heard}`)))
  })
  return {
    first,
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null) return
      child.kill('SIGKILL')
      await once(child, 'close')
    },
  }
}

/** Ends every process that was started here. */
export function killAll(): void {
  for (const child of children) child.kill('SIGKILL')
}

function started(program: string, args: readonly string[], env: Readonly<Record<string, string>> = {}): ChildProcess {
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...env } })
  children.add(child)
  child.once('exit', () => children.delete(child))
  return child
}
