import { execFile, spawn } from 'node:child_process'

/** Runs etcdctl against an address. */
export interface Etcdctl {
  /** What it prints, without the last line end. Rejects with what it prints on stderr. */
  (...args: readonly string[]): Promise<string>
  /** The same, with something to read. */
  feed(input: string, ...args: readonly string[]): Promise<string>
  /** Goes on until it is stopped. */
  start(...args: readonly string[]): Running
}

export interface Running {
  /** What it has printed so far. */
  readonly output: string
  /** Kills it and resolves when it has ended. */
  stop(): Promise<void>
}

const program = 'etcdctl'

export function etcdctl(address: string): Etcdctl {
  const env = { ...process.env, ETCDCTL_API: '3' }
  const line = (args: readonly string[]) => [`--endpoints=${address}`, ...args]
  const feed = (input: string, ...args: readonly string[]) =>
    new Promise<string>((resolve, reject) => {
      const child = execFile(program, line(args), { env, timeout: 10_000 }, (error, stdout, stderr) => {
        if (error === null) resolve(stdout.trimEnd())
        else reject(new Error(stderr))
      })
      child.stdin?.end(input)
    })
  const start = (...args: readonly string[]): Running => {
    const child = spawn(program, line(args), { env, stdio: ['ignore', 'pipe', 'inherit'] })
    let output = ''
    child.stdout.on('data', (chunk) => {
      output += chunk
    })
    const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()))
    return {
      get output() {
        return output
      },
      async stop() {
        child.kill('SIGKILL')
        await ended
      },
    }
  }
  return Object.assign((...args: readonly string[]) => feed('', ...args), { feed, start })
}
