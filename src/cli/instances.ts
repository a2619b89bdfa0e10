import { RpcError } from '../error.ts'
import type { Instance, Registry } from '../registry.ts'
import { ask, exitCodes, failure } from './exit.ts'

/** How long a registry may take to answer, in milliseconds. */
const patience = 5000

/** The instances a service has now; rejects with exit code `notFound` when it has none, `registry` when nobody knows. */
export async function instancesOf(registry: Registry, service: string): Promise<readonly Instance[]> {
  const all = await ask(registry, firstSet(registry, service))
  if (all.length > 0) return all
  throw failure(exitCodes.notFound, `not_found: no instances of "${service}" in ${registry.name}`, '"beckon services" lists what is there')
}

/** The instances a service has now, none included. */
export function firstSet(registry: Registry, service: string): Promise<readonly Instance[]> {
  return new Promise((resolve, reject) => {
    let stop: (() => void) | undefined
    let over = false
    const end = (settle: () => void): void => {
      if (over) return
      over = true
      clearTimeout(timer)
      stop?.()
      settle()
    }
    const timer = setTimeout(() => {
      end(() => reject(new RpcError('deadline_exceeded', `${registry.name} did not answer within ${patience / 1000} s`)))
    }, patience)
    stop = registry.watch(service, { update: (all) => end(() => resolve([...all])), error: (error) => end(() => reject(error)) })
    if (over) stop()
  })
}
