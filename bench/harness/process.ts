import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import type { Report, Round } from './peer.ts'

/** A peer's process, seen from call.ts. */
export interface PeerProcess {
  /** Microseconds of processor time it has used; undefined where the system does not tell. In steps of 10 ms. */
  cpu(): number | undefined
  /** Sends a round and resolves with the next report; rejects when the peer fails, ends or takes longer than `ms` milliseconds. */
  next(ms: number, round?: Round): Promise<Report>
}

const children = new Set<ChildProcess>()

const canPin = availableParallelism() > 1 && spawnSync('taskset', ['-V']).status === 0

/** Whether servers and clients have a core each. */
export function pinned(): boolean {
  return canPin
}

/** Starts one half of a peer, on one core where the system has `taskset`. */
export function start(file: string, core: number, args: readonly string[] = []): PeerProcess {
  const node = [process.execPath, '--import', 'tsx', file, ...args]
  const [program = '', ...rest] = canPin ? ['taskset', '-c', String(core), ...node] : node
  const child = spawn(program, rest, { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] })
  children.add(child)
  child.once('exit', () => children.delete(child))
  return {
    cpu: () => cpuOf(child.pid),
    next: (ms, round) =>
      new Promise((resolve, reject) => {
        const timer = setTimeout(() => done(() => reject(new Error(`${file}: no answer within ${ms} ms`))), ms)
        child.once('message', got)
        child.once('exit', ended)
        if (round !== undefined) child.send(round)

        function got(message: Report): void {
          done(() => ('failure' in message ? reject(new Error(`${file}: ${message.failure}`)) : resolve(message)))
        }
        function ended(code: number | null, signal: string | null): void {
          done(() => reject(new Error(`${file}: ended with ${signal ?? code}`)))
        }
        function done(settle: () => void): void {
          clearTimeout(timer)
          child.off('message', got)
          child.off('exit', ended)
          settle()
        }
      }),
  }
}

function cpuOf(pid: number | undefined): number | undefined {
  try {
    // After the name, which may contain anything: state, …, the 12th and 13th are ticks in user and in system mode.
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ') ?? []
    return (Number(fields[11]) + Number(fields[12])) * 10_000
  } catch {
    return undefined
  }
}

/** Ends every process that was started here. */
export function killAll(): void {
  for (const child of children) child.kill('SIGKILL')
}
