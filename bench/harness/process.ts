import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { availableParallelism } from 'node:os'
import type { Order, Report } from './setup.ts'

/** A peer's process, seen from call.ts. */
export interface PeerProcess {
  /** Sends an order and resolves with the next report; rejects when the peer fails, ends or takes longer than `ms` milliseconds. */
  next(ms: number, order?: Order): Promise<Report>
  end(): void
}

const children = new Set<ChildProcess>()

const canPin = availableParallelism() > 1 && spawnSync('taskset', ['-V']).status === 0

/** Whether servers and clients have a core each. */
export function pinned(): boolean {
  return canPin
}

/** Starts one half of a peer, on one core where the system has `taskset`. It is spoken to over Node's IPC: a line of JSON each. */
export function start(command: readonly string[], core: number): PeerProcess {
  const [program = '', ...rest] = canPin ? ['taskset', '-c', String(core), ...command] : command
  const child = spawn(program, rest, { stdio: ['ignore', 'ignore', 'inherit', 'ipc'], env: { ...process.env, GOMAXPROCS: '1' } })
  const name = command.slice(0, -1).join(' ')
  children.add(child)
  child.once('exit', () => children.delete(child))
  return {
    end: () => void child.kill('SIGKILL'),
    next: (ms, order) =>
      new Promise((resolve, reject) => {
        const timer = setTimeout(() => done(() => reject(new Error(`${name}: no answer within ${ms} ms`))), ms)
        child.once('message', got)
        child.once('exit', ended)
        if (order !== undefined) child.send(order)

        function got(message: Report): void {
          done(() => ('failure' in message ? reject(new Error(`${name}: ${message.failure}`)) : resolve(message)))
        }
        function ended(code: number | null, signal: string | null): void {
          done(() => reject(new Error(`${name}: ended with ${signal ?? code}`)))
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

/** Ends every process that was started here. */
export function killAll(): void {
  for (const child of children) child.kill('SIGKILL')
}
