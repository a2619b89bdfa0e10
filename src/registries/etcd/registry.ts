import { parseAddress } from '../../address.ts'
import { checkNumber } from '../../check.ts'
import { sleep } from '../../clock.ts'
import { RpcError } from '../../error.ts'
import type { Logger } from '../../logger.ts'
import type { Instance, Registration, Registry } from '../../registry.ts'
import { createFreshness, type EtcdRegistryState } from './freshness.ts'
import type { Layout } from './layout.ts'
import type { RecordSettings } from './options.ts'
import { createSnapshot, type Remembered } from './snapshot.ts'
import { createSource, type Source } from './source.ts'
import type { Store } from './store.ts'
import { createView, type Told, type View } from './view.ts'

/** A registry in etcd, which also tells how far it can be trusted. */
export interface EtcdRegistry extends Registry {
  readonly state: EtcdRegistryState
  /** Called when `state.status` has changed. Returns how to stop. */
  onState(listener: (state: EtcdRegistryState) => void): () => void
}

/** What a registry is made of. */
export interface RegistryParts extends Omit<RecordSettings, 'ttl' | 'heartbeat' | 'wait'> {
  readonly store: Store
  /** Within which a request of the store is answered, or has failed; milliseconds. */
  readonly timeout: number
  begin(instance: Instance, ties: Ties): Promise<Registration>
  /** Called at the end, once. */
  close(): Promise<void>
}

/** What a registration and its registry tell each other. */
export interface Ties {
  /** The registry is being closed: nothing is waited for that may never come. */
  closing(): boolean
  /** To be called when the registration comes to its end; `removal` settles when its records are gone, or cannot be removed for now. */
  ended(removal: Promise<unknown>): void
}

/** Puts a registry together: one view per service that is watched, one registration per instance. */
export function createRegistry(parts: RegistryParts): EtcdRegistry {
  const { store, layouts, grace, shrink, spread, clock, random, logger } = parts
  const views = new Map<string, View>()
  const snapshot = parts.snapshot === undefined ? undefined : createSnapshot(parts.snapshot, clock, logger)
  const sources = new Set<Source>()
  const freshness = createFreshness(store.name, () => sources, logger)
  const registrations = new Map<string, Promise<Registration>>()
  const removals = new Set<Promise<unknown>>()
  let closed = false
  let closing: Promise<void> | undefined

  function open(service: string): View {
    const opened = (layout: Layout, tell: Told): Source => openSource(layout, service, tell)
    const view = createView(layouts, opened, logger, () => {
      views.delete(service)
      view.stop()
    })
    views.set(service, view)
    return view
  }

  function openSource(layout: Layout, service: string, { wrote, changed }: Told): Source {
    const prefix = layout.prefix(service)
    const source: Source = createSource({
      ...{ client: store, layout, service, grace, shrink, spread, clock, random, logger, wrote },
      keep: snapshot !== undefined,
      remembered: snapshot?.read(prefix),
      doubted: freshness.review,
      ended() {
        sources.delete(source)
        freshness.review()
      },
      changed() {
        changed()
        if (source.trouble === undefined) snapshot?.keep(prefix, () => remember(source))
      },
    })
    sources.add(source)
    return source
  }

  function closedError(): RpcError {
    return new RpcError('failed_precondition', `${store.name}: the registry is closed`)
  }

  /** Takes everything back: what is being written is done with first. */
  async function leave(): Promise<void> {
    const all = await Promise.allSettled(registrations.values())
    await Promise.all(all.map((one) => (one.status === 'fulfilled' ? one.value.deregister() : undefined)))
    await Promise.allSettled(removals)
  }

  async function close(): Promise<void> {
    closed = true
    for (const view of views.values()) view.stop()
    views.clear()
    const over = new AbortController()
    const late = sleep(clock, 2 * parts.timeout, { keepAlive: true, signal: over.signal }).then(() => {
      const count = registrations.size + removals.size
      logger.warn({ count }, `${store.name} was not done with ${count} registrations when it was closed; what is left ends with its lease`)
    })
    await Promise.race([leave(), late]).finally(() => over.abort())
    await snapshot?.flush()
    await parts.close()
  }

  return {
    name: store.name,
    get state() {
      return freshness.state
    },
    onState: freshness.onState,
    async register(instance: Instance) {
      if (closed) throw closedError()
      checkInstance(instance)
      const { id, service } = instance
      const key = `${service}\0${id}`
      if (registrations.has(key))
        throw new RpcError('already_exists', `${id} of "${service}" is registered by this process; update it instead`)
      const forget = (): void => void registrations.delete(key)
      const registration = parts.begin(instance, {
        closing: () => closed,
        ended(removal) {
          forget()
          removals.add(removal)
          const settled = (): void => void removals.delete(removal)
          removal.then(settled, settled)
        },
      })
      registrations.set(key, registration)
      registration.catch(forget)
      return registration
    },
    watch(service, listener) {
      if (closed) {
        queueMicrotask(() => listener.error(closedError()))
        return () => {}
      }
      return (views.get(service) ?? open(service)).add(listener)
    },
    async services() {
      if (closed) throw closedError()
      const names = await Promise.all(layouts.map((layout) => namesIn(store, layout, logger)))
      return [...new Set(names.flat())].sort()
    },
    close() {
      closing ??= close()
      return closing
    },
  }
}

/** What a source knows to be right; undefined when it does not. */
function remember({ records, trouble, revision }: Source): Remembered | undefined {
  if (records === undefined || trouble !== undefined || revision === undefined) return undefined
  return { at: Date.now(), revision, records: [...records].map(([key, { value = '' }]) => [key, value]) }
}

async function namesIn(store: Store, { root, serviceOf }: Layout, logger: Logger): Promise<readonly string[]> {
  const names = new Set<string>()
  if (root === undefined || serviceOf === undefined) return []
  for await (const { kvs } of store.pages({ prefix: root })) {
    for (const { keyText, text } of kvs) {
      try {
        const name = serviceOf(keyText, text)
        if (name !== undefined && name !== '') names.add(name)
      } catch (error) {
        logger.debug({ key: keyText, err: error }, `record ${keyText} names no service`)
      }
    }
  }
  return [...names]
}

function checkInstance({ id, service, address, weight }: Instance): void {
  for (const [name, value] of Object.entries({ id, service, address }))
    if (typeof value !== 'string' || value === '') throw new RpcError('invalid_argument', `register: ${name} must not be empty`)
  if (weight !== undefined) checkNumber(`register: weight of ${id}`, weight, { above: 0 })
  parseAddress(address)
}
