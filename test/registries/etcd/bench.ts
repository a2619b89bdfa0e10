import { afterEach } from 'vitest'
import { type EtcdRegistry, type EtcdRegistryOptions, etcd } from '../../../src/registries/etcd.ts'
import type { Instance, Registration, RegistrationState, Registry } from '../../../src/registry.ts'
import { until } from '../../support/echo.ts'

const cleanups: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

/** Ends it after the test. */
export function using<T extends AsyncDisposable>(resource: T): T {
  cleanups.push(async () => resource[Symbol.asyncDispose]())
  return resource
}

/** A registry that is closed after the test. */
export function registryAt(address: string, options: EtcdRegistryOptions = {}): EtcdRegistry {
  const registry = etcd({ endpoints: [address], ...options })
  cleanups.push(() => registry.close())
  return registry
}

export const instance = (id: string, extra: Partial<Instance> = {}): Instance => ({
  id,
  service: 'book',
  address: `127.0.0.1:${[...id].reduce((sum, char) => sum * 31 + char.charCodeAt(0), 7) % 60_000}`,
  ...extra,
})

/** Watches and keeps what is told: the ids of every set, and errors. */
export function listen(registry: Registry, service = 'book') {
  const told: string[][] = []
  const errors: Error[] = []
  let last: readonly Instance[] = []
  const stop = registry.watch(service, {
    update(all) {
      last = [...all]
      told.push(all.map(({ id }) => id))
    },
    error: (error) => errors.push(error),
  })
  return {
    told,
    errors,
    stop,
    get last() {
      return last
    },
    shows: (ids: readonly string[], ms?: number) =>
      until(`[${ids}]`, () => JSON.stringify(told.at(-1)) === JSON.stringify(ids), ms).catch((error: Error) => {
        throw new Error(`${error.message}, but was told ${JSON.stringify(told)}`)
      }),
  }
}

/** The states that a registration goes through from now on, with why. */
export function statesOf(registration: Registration): [RegistrationState, string | undefined][] {
  const states: [RegistrationState, string | undefined][] = []
  registration.onState((state, cause) => states.push([state, cause?.message]))
  return states
}

/** Keeps what is logged. */
export function recordLog() {
  const lines: string[] = []
  const at = (level: string) => (_fields: object, message: string) => void lines.push(`${level} ${message}`)
  return { lines, logger: { debug: () => {}, info: at('info'), warn: at('warn'), error: at('error') } }
}
