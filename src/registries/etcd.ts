import { parseAddress } from '../address.ts'
import { checkNumber } from '../check.ts'
import { systemClock } from '../clock.ts'
import { RpcError } from '../error.ts'
import { type EtcdClient, type EtcdOptions, etcdClient } from '../etcd/index.ts'
import { type Logger, silent } from '../logger.ts'
import type { Instance, Registration, Registry } from '../registry.ts'
import { createFreshness, type EtcdRegistryState } from './etcd/freshness.ts'
import type { Layout } from './etcd/layout.ts'
import { goMicro } from './etcd/layouts/go-micro.ts'
import { createRegistration } from './etcd/registration.ts'
import { createSnapshot, type Remembered } from './etcd/snapshot.ts'
import { createSource, type Source } from './etcd/source.ts'
import { createView, type View } from './etcd/view.ts'

export type { EtcdRegistryState } from './etcd/freshness.ts'
export type { Layout } from './etcd/layout.ts'
export { type EtcdNamingOptions, etcdNaming } from './etcd/layouts/etcd-naming.ts'
export { type GoKitOptions, goKit } from './etcd/layouts/go-kit.ts'
export { type GoMicroOptions, goMicro } from './etcd/layouts/go-micro.ts'
export { type GoZeroOptions, goZero } from './etcd/layouts/go-zero.ts'
export { type KitexOptions, kitex } from './etcd/layouts/kitex.ts'
export { type KratosOptions, kratos } from './etcd/layouts/kratos.ts'
export { type RpcxOptions, rpcx } from './etcd/layouts/rpcx.ts'

/** How to use etcd as a registry; without `client`, also how to reach it. */
export interface EtcdRegistryOptions extends EtcdOptions {
  /** A client to share; closing the registry does not close it. The options for reaching etcd are then of no effect. */
  readonly client?: EtcdClient | undefined
  /** How long a record outlives its process, in milliseconds; whole seconds, at least 1000. etcd raises what is shorter than about 2 s. Default 10 000. */
  readonly ttl?: number | undefined
  /** Milliseconds between keep-alives, at least 100. Default a third of the TTL. As in go-kit, a TTL that is not longer becomes three times it. */
  readonly heartbeat?: number | undefined
  /** How instances are written. Every one is written and read; where two know the same address, the first counts. Default `[goMicro()]`. */
  readonly layouts?: readonly Layout[] | undefined
  /** How long a set is kept that collapsed during an outage of etcd, in milliseconds. Default twice the TTL. */
  readonly grace?: number | undefined
  /** Which share of a set may be missing after an interruption for it to be believed at once, 0 to 1; 1 believes everything. Default 0.5. */
  readonly shrink?: number | undefined
  /** A file for the last sets that were known: a process that starts while etcd is out of reach begins with them. Its directory must exist. */
  readonly snapshot?: string | undefined
  /** What `register()` does while etcd cannot be reached: fails after `timeout`, or waits for as long as it takes. Default `fail`. */
  readonly unreachable?: 'fail' | 'wait' | undefined
}

/** {@link etcd}'s registry, which also tells how far it can be trusted. */
export interface EtcdRegistry extends Registry {
  readonly state: EtcdRegistryState
  /** Called when `state.status` has changed. Returns how to stop. */
  onState(listener: (state: EtcdRegistryState) => void): () => void
}

/** Services registered in etcd. Connects when it is first used. Throws `invalid_argument` naming the option. */
export function etcd(options: EtcdRegistryOptions = {}): EtcdRegistry {
  const { layouts = [goMicro()], clock = systemClock, random = Math.random, logger = silent } = options
  const { ttl, heartbeat, grace } = times(options)
  const shrink = checkNumber('etcd registry: shrink', options.shrink ?? 0.5, { min: 0, max: 1 })
  const wait = options.unreachable === 'wait'
  if (layouts.length === 0) throw invalid('layouts', 'must not be empty')
  const client = options.client ?? etcdClient(options)
  const views = new Map<string, View>()
  const snapshot = options.snapshot === undefined ? undefined : createSnapshot(options.snapshot, clock, logger)
  const sources = new Set<Source>()
  const freshness = createFreshness(client.name, () => sources, logger)
  const registrations = new Map<string, Promise<Registration>>()
  let closed = false

  function open(service: string): View {
    const view = createView(
      (changed) => layouts.map((layout) => openSource(layout, service, changed)),
      logger,
      () => {
        views.delete(service)
        view.stop()
      },
    )
    views.set(service, view)
    return view
  }

  function openSource(layout: Layout, service: string, changed: () => void): Source {
    const prefix = layout.prefix(service)
    const source: Source = createSource({
      ...{ client, layout, service, grace, shrink, clock, random, logger },
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
    return new RpcError('failed_precondition', `${client.name}: the registry is closed`)
  }

  return {
    name: client.name,
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
      const ended = (): void => void registrations.delete(key)
      const registration = createRegistration(instance, { client, layouts, ttl, heartbeat, wait, random, logger, ended })
      registrations.set(key, registration)
      registration.catch(ended)
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
      const names = await Promise.all(layouts.map((layout) => namesIn(client, layout, logger)))
      return [...new Set(names.flat())].sort()
    },
    async close() {
      if (closed) return
      closed = true
      for (const view of views.values()) view.stop()
      views.clear()
      const all = await Promise.allSettled(registrations.values())
      await snapshot?.flush()
      await Promise.all(all.map((one) => (one.status === 'fulfilled' ? one.value.deregister() : undefined)))
      if (options.client === undefined) await client.close()
    },
  }
}

/** What a source knows to be right; undefined when it does not. */
function remember({ records, trouble, revision }: Source): Remembered | undefined {
  if (records === undefined || trouble !== undefined || revision === undefined) return undefined
  return { at: Date.now(), revision, records: [...records].map(([key, { value }]) => [key, value]) }
}

async function namesIn(client: EtcdClient, { root, serviceOf }: Layout, logger: Logger): Promise<readonly string[]> {
  const names = new Set<string>()
  if (root === undefined || serviceOf === undefined) return []
  for await (const { kvs } of client.pages({ prefix: root })) {
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

function times(options: EtcdRegistryOptions): { ttl: number; heartbeat: number; grace: number } {
  const given = checkNumber('etcd registry: ttl (ms)', options.ttl ?? 10_000, { min: 1000 })
  if (given % 1000 !== 0) throw invalid('ttl', `must be whole seconds, in milliseconds, got ${given}`)
  const heartbeat =
    options.heartbeat === undefined ? undefined : checkNumber('etcd registry: heartbeat (ms)', options.heartbeat, { min: 100 })
  const ttl = heartbeat !== undefined && given <= heartbeat ? Math.ceil((3 * heartbeat) / 1000) * 1000 : given
  const grace = checkNumber('etcd registry: grace (ms)', options.grace ?? 2 * ttl, { min: 0 })
  return { ttl, heartbeat: heartbeat ?? ttl / 3, grace }
}

function checkInstance({ id, service, address, weight }: Instance): void {
  for (const [name, value] of Object.entries({ id, service, address }))
    if (typeof value !== 'string' || value === '') throw new RpcError('invalid_argument', `register: ${name} must not be empty`)
  if (weight !== undefined) checkNumber(`register: weight of ${id}`, weight, { above: 0 })
  parseAddress(address)
}

function invalid(option: string, text: string): RpcError {
  return new RpcError('invalid_argument', `etcd registry: ${option} ${text}`)
}
