import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { until } from './echo.ts'

const program = fileURLToPath(new URL('instance-child.ts', import.meta.url))

/** An instance of Echo in a process of its own. */
export interface InstanceProcess {
  readonly id: string
  readonly child: ChildProcess
  /** Everything it has said. */
  readonly output: string
  /** Resolves when it is registered. */
  serving(): Promise<void>
  /** Sends a signal and resolves when the process is gone. */
  end(signal: NodeJS.Signals): Promise<void>
}

/** Starts an instance that registers as `id` of service `echo`. */
export function spawnInstance(registryUrl: string, id: string): InstanceProcess {
  const child = spawn(process.execPath, ['--import', 'tsx', program, registryUrl, id], { stdio: ['pipe', 'pipe', 'inherit'] })
  let output = ''
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    output += chunk
  })
  return {
    id,
    child,
    get output() {
      return output
    },
    serving: () => until(`${id} to serve (it said: ${output})`, () => output.includes('serving'), 60_000),
    async end(signal) {
      if (child.exitCode !== null || child.signalCode !== null) return
      const gone = once(child, 'exit')
      child.kill(signal)
      await gone
    },
  }
}
