import { backoff } from '../../backoff.ts'
import type { RpcError } from '../../error.ts'

/** The waits between tries of one thing at etcd. */
export interface Retry {
  /** Waits, longer after every error; a tenth as often where etcd refuses as where it is down, and not at all once it is back. */
  after(error: RpcError): Promise<void>
  /** Begins with short waits again. */
  reset(): void
}

/** Exponential backoff with full jitter, up to a second: the registry is to be whole again within 2 s of etcd's return. */
export function createRetry(client: { pause(ms: number, code: string): Promise<void> }, random: () => number): Retry {
  const wait = backoff({ base: 50, factor: 2, max: 500, jitter: 1, random })
  return {
    after: ({ code }) => client.pause(wait.next() * (passing.has(code) ? 1 : 10), code),
    reset: wait.reset,
  }
}

/** Codes of what passes by itself; `aborted`: somebody else has touched the records; `resource_exhausted`: no space. */
export const passing: ReadonlySet<string> = new Set(['unavailable', 'deadline_exceeded', 'aborted', 'resource_exhausted'])
