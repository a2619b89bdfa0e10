import { parseAddress } from '../address.ts'
import { RpcError } from '../error.ts'
import { differences, type Instances, nobody } from '../instances.ts'
import type { Instance, Registration, RegistrationState, Registry, ResolverListener } from '../registry.ts'

interface Entry {
  instance: Instance
  /** Tells the registration that it holds no more. */
  readonly lost: (cause?: Error) => void
}

interface Watcher {
  readonly service: string
  readonly listener: ResolverListener
  seen: Instances | undefined
}

/**
 * A registry inside one process, for tests and for services that live together. Listeners hear of changes asynchronously, in order, and
 * of all changes of a tick at once, as from a real one. An id that is registered again replaces the former, which is then `gone`.
 */
export function memory(): Registry {
  const records = new Map<string, Map<string, Entry>>()
  /** What has been told of each service, and what has changed since. */
  const sets = new Map<string, Instances>()
  const changes = new Map<string, Map<string, Instance | undefined>>()
  const watchers = new Set<Watcher>()
  const registrations = new Set<Registration>()
  let flushing: Promise<void> | undefined
  let closed = false

  function change(service: string, id: string, instance: Instance | undefined): Promise<void> {
    changes.set(service, (changes.get(service) ?? new Map<string, Instance | undefined>()).set(id, instance))
    return announce()
  }

  /** Resolves when every listener has heard of what changed. */
  function announce(): Promise<void> {
    flushing ??= Promise.resolve().then(() => {
      flushing = undefined
      for (const [service, changed] of changes) {
        const all = (sets.get(service) ?? nobody).with(changed)
        if (all.size > 0) sets.set(service, all)
        else sets.delete(service)
      }
      changes.clear()
      for (const watcher of [...watchers]) tell(watcher)
    })
    return flushing
  }

  function tell(watcher: Watcher): void {
    if (!watchers.has(watcher)) return
    const all = sets.get(watcher.service) ?? nobody
    if (watcher.seen !== undefined && differences(watcher.seen, all).next().done) return
    watcher.seen = all
    call(() => watcher.listener.update(all))
  }

  async function register(instance: Instance): Promise<Registration> {
    if (closed) throw new RpcError('failed_precondition', `"${instance.service}" cannot be registered in memory: the registry is closed`)
    check(instance)
    const listeners = new Set<(state: RegistrationState, cause?: Error) => void>()
    let state: RegistrationState = 'registered'
    const { service, id } = instance
    const ids = records.get(service) ?? new Map<string, Entry>()
    records.set(service, ids)
    const record: Entry = {
      instance,
      lost(cause) {
        state = 'gone'
        registrations.delete(registration)
        for (const listener of [...listeners]) call(() => listener(state, cause))
      },
    }
    const registration: Registration = {
      get instance() {
        return record.instance
      },
      get state() {
        return state
      },
      async update(changed) {
        if (state === 'gone')
          throw new RpcError('failed_precondition', `instance "${id}" of "${service}" cannot be updated: it is deregistered`)
        check(changed)
        if (changed.id !== id || changed.service !== service)
          throw new RpcError('invalid_argument', `instance "${id}" of "${service}" cannot become "${changed.id}" of "${changed.service}"`)
        record.instance = changed
        await change(service, id, changed)
      },
      async deregister() {
        if (state === 'gone') return
        ids.delete(id)
        if (ids.size === 0) records.delete(service)
        record.lost()
        await change(service, id, undefined)
      },
      onState(listener) {
        listeners.add(listener)
        return () => listeners.delete(listener)
      },
    }
    ids.get(id)?.lost(new RpcError('aborted', `instance "${id}" of "${service}" was registered again`))
    ids.set(id, record)
    registrations.add(registration)
    await change(service, id, instance)
    return registration
  }

  return {
    name: 'memory',
    register,
    watch(service, listener) {
      const watcher: Watcher = { service, listener, seen: undefined }
      if (!closed) {
        watchers.add(watcher)
        void announce()
      }
      return () => {
        watchers.delete(watcher)
      }
    },
    services: async () => [...records.keys()].sort(),
    async close() {
      closed = true
      watchers.clear()
      await Promise.all([...registrations].map((registration) => registration.deregister()))
    },
  }
}

/** A listener that throws is a bug to be seen, but the others still have to hear. */
function call(listener: () => void): void {
  try {
    listener()
  } catch (error) {
    queueMicrotask(() => {
      throw error
    })
  }
}

function check({ id, service, address, weight }: Instance): void {
  if (id === '') throw new RpcError('invalid_argument', `instance of "${service}" at ${address}: id must not be empty`)
  if (service === '') throw new RpcError('invalid_argument', `instance "${id}" at ${address}: service must not be empty`)
  if (weight !== undefined && !(weight > 0)) throw new RpcError('invalid_argument', `instance "${id}": weight must be > 0, got ${weight}`)
  parseAddress(address)
}
