import { RpcError } from '../error.ts'
import type { Registry } from '../registry.ts'

/** What the command's exit code says. A command ended by a signal exits with 128 + the signal's number, as shells have it. */
export const exitCodes = { ok: 0, failed: 1, usage: 2, notFound: 3, registry: 4 } as const

/** An error that says how the command ends and what the user can do. */
export interface Failure extends Error {
  readonly exitCode: number
  readonly hint?: string | undefined
}

/** Makes a {@link Failure}, to be thrown. */
export function failure(exitCode: number, message: string, hint?: string): Failure {
  return Object.assign(new Error(message), { exitCode, hint })
}

/** Whether an error is a {@link Failure}. */
export function isFailure(error: unknown): error is Failure {
  return error instanceof Error && 'exitCode' in error
}

/** Says on stderr what went wrong and what to do, and returns the exit code. Never a stack trace. */
export function report(thrown: unknown): number {
  const error = thrown instanceof Error ? thrown : new Error(String(thrown))
  const { exitCode, hint } = isFailure(error) ? error : {}
  if (error.message !== '') process.stderr.write(`beckon: ${error.message}\n${hint === undefined ? '' : `  ${hint}\n`}`)
  if (exitCode !== undefined) return exitCode
  // What a peer refuses is a failed call; what is refused here, before anything was sent, was written wrongly.
  return error instanceof RpcError && error.code === 'invalid_argument' && !error.outbound ? exitCodes.usage : exitCodes.failed
}

/** What the registry answers. Rejects with {@link exitCodes}.registry and what to do, where it does not. */
export async function ask<T>(registry: Registry, answer: Promise<T>): Promise<T> {
  try {
    return await answer
  } catch (thrown) {
    const { message, rawMessage, code } = RpcError.from(thrown)
    const text = rawMessage.includes(registry.name) ? message : `${code}: ${registry.name}: ${rawMessage}`
    throw failure(exitCodes.registry, text, hintFor(code))
  }
}

function hintFor(code: RpcError['code']): string {
  if (code === 'unauthenticated' || code === 'permission_denied')
    return 'Give user and password: BECKON_REGISTRY=etcd://user:password@host:port'
  return 'Start a registry with "beckon dev", or name yours: --registry_address=host:port or BECKON_REGISTRY=etcd://host:port'
}
