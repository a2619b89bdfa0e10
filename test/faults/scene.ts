import { expect, it } from 'vitest'
import { type EtcdClient, type EtcdOptions, etcdClient } from '../../src/etcd/index.ts'
import { createChannel, createClient, type RegistrationState, type Server } from '../../src/index.ts'
import { type EtcdRegistry, type EtcdRegistryOptions, etcd } from '../../src/registries/etcd.ts'
import { Echo } from '../gen/echo_pb.ts'
import { listen, recordLog } from '../registries/etcd/bench.ts'
import { startEcho, until } from '../support/echo.ts'
import { type EtcdProcess, requireEtcd, startCluster, startEtcd } from '../support/etcd.ts'
import { type Load, startLoad } from '../support/load.ts'
import { type Proxy as Network, startProxy } from '../support/proxy.ts'
import { startMeter, watchers } from './meter.ts'

/** What a fault is to happen to. */
export interface SceneOptions {
  /** Members of the etcd. Default 1. */
  readonly size?: 1 | 3
  /** An etcd that is made differently. */
  readonly start?: () => Promise<EtcdProcess>
  /** Before anything uses it. */
  readonly prepare?: (etcd: EtcdProcess) => Promise<unknown>
  /** How everything in the scene reaches etcd. */
  readonly reach?: (etcd: EtcdProcess) => EtcdOptions
  /** How its overseer does. */
  readonly admin?: EtcdOptions
  /** Where its metrics are, unless at its address. */
  readonly metrics?: string
  readonly registry?: EtcdRegistryOptions
}

/** Two servers registered by way of one proxy, a client under load that watches them by way of another, and an overseer. */
export interface Scene {
  readonly members: readonly EtcdProcess[]
  readonly etcd: EtcdProcess
  /** Between the servers and the (first) etcd. */
  readonly near: Network
  /** Between the client and the (first) etcd. */
  readonly far: Network
  readonly provider: EtcdRegistry
  readonly consumer: EtcdRegistry
  readonly servers: readonly Server[]
  readonly listening: ReturnType<typeof listen>
  /** Goes to etcd without a proxy. */
  readonly admin: EtcdClient
  readonly load: Load
  /** What the registries have logged. */
  readonly lines: readonly string[]
  readonly key: (id: string) => string
  /** A further registry of the same kind, without a proxy; closed with the scene. */
  registry(options?: EtcdRegistryOptions): EtcdRegistry
  /** Waits until all is as it was, at most `ms` milliseconds: everything registered, the listener's set what etcd has. */
  whole(ms?: number): Promise<void>
}

/**
 * What must have been told by the end: states of each of the servers' registrations, and of the client's registry. `perhaps`: either
 * nothing or once down and back, depending on which member was used.
 */
export interface Told {
  readonly a?: readonly RegistrationState[] | 'perhaps'
  readonly b?: readonly RegistrationState[] | 'perhaps'
  readonly consumer?: readonly string[] | 'perhaps'
  /** Whether calls may have failed. Default: none has. */
  readonly failures?: number
}

/** A second, and as much for the jitter. */
export const soon = 2000
export const ttl = 3000
/** How long is waited for what has no bound of its own. */
export const patience = 30_000

/**
 * A test of one fault. `play` makes it happen and says what it must have caused. Then everything must be whole, a change be heard
 * of, no call have failed, one line be logged per transition, etcd never have been asked in a hot loop, and nothing be left behind.
 */
export function fault(name: string, options: SceneOptions, play: (scene: Scene) => Promise<Told>): void {
  it.concurrent(name, async (ctx) => {
    requireEtcd(ctx)
    const { scene, verify, close } = await openScene(options)
    try {
      const told = await play(scene)
      await settle(scene)
      verify(told)
      await scene.load.stop()
    } finally {
      await close()
    }
  })
}

async function settle(scene: Scene): Promise<void> {
  await scene.whole(5000)
  // Nobody has gone deaf.
  const late = await scene.registry().register({ id: 'late', service: 'echo', address: scene.servers[0]?.address ?? '' })
  await scene.listening.shows(['a', 'b', 'late'], 5000)
  await late.deregister()
  await scene.listening.shows(['a', 'b'], 5000)
}

async function openScene(options: SceneOptions) {
  const members = options.size === 3 ? await startCluster(3) : [await (options.start ?? startEtcd)()]
  const cleanups: (() => Promise<unknown>)[] = members.map((member) => () => member.stop())
  const close = async (): Promise<void> => {
    for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
  }
  try {
    return { ...(await build(options, members, cleanups)), close }
  } catch (error) {
    await close()
    throw error
  }
}

async function build(options: SceneOptions, members: readonly EtcdProcess[], cleanups: (() => Promise<unknown>)[]) {
  const first = members[0] as EtcdProcess
  await options.prepare?.(first)
  const { lines, logger } = recordLog()
  const reach = options.reach?.(first) ?? {}
  const addresses = members.map(({ address }) => address)
  const [near, far] = await Promise.all([startProxy(first.address), startProxy(first.address)])
  const made: EtcdRegistry[] = []
  const registry = (more: EtcdRegistryOptions = {}): EtcdRegistry => {
    const one = etcd({ ...reach, endpoints: addresses, ttl, ...options.registry, ...more })
    made.push(one)
    return one
  }
  const by = (proxy: Network) => [proxy.address, ...addresses.slice(1)]
  const provider = registry({ endpoints: by(near), logger })
  const consumer = registry({ endpoints: by(far), logger })
  let asked = 0
  const admin = counted(etcdClient({ ...reach, ...options.admin, endpoints: addresses }), () => {
    asked += 1
  })
  const urls = options.metrics === undefined ? addresses.map((address) => `http://${address}`) : [options.metrics]
  const meter = await startMeter(urls, () => asked)
  const servers = await Promise.all(['a', 'b'].map((who) => startEcho({ registry: provider, who })))
  const states = servers.map((server) => follow<RegistrationState>((listener) => server.registration?.onState(listener)))
  const listening = listen(consumer, 'echo')
  await listening.shows(['a', 'b'], 10_000)
  const channel = createChannel({ service: 'echo', registry: consumer })
  const client = createClient(Echo, { channel, timeout: 20_000 })
  const load = startLoad(async () => (await client.once({})).text, 2)
  await until('calls at both', () => Object.keys(load.tally.perInstance).length === 2)
  const consumed = follow<string>((listener) => consumer.onState(({ status }) => listener(status)))
  const logged = lines.length
  cleanups.push(
    async () => Promise.all([near.close(), far.close()]),
    () => admin.close(),
    () => meter.stop(),
    async () => {
      await load.stop()
      await channel.close()
      await Promise.all(servers.map((server) => server.close()))
      await Promise.all(made.map((one) => one.close()))
      // What they had at etcd is gone: leases, watches, connections.
      await until('no lease', async () => (await admin.leases().catch(() => [0n])).length === 0, 2 * ttl + 2000)
      await until('no watch', async () => (await Promise.all(urls.map(watchers)).catch(() => [-1])).every((count) => count === 0))
      await until('no connection', () => near.connections + far.connections === 0)
    },
  )
  const scene: Scene = {
    ...{ members, etcd: first, near, far, provider, consumer, servers, listening, admin, load, lines, registry },
    key: (id) => `/micro/registry/echo/${id}`,
    async whole(ms = soon) {
      await until('the registrations', () => servers.every((server) => server.registration?.state === 'registered'), ms)
      await until('the sets', () => consumer.state.status === 'connected', ms)
      const inEtcd = async () =>
        (await admin.range({ prefix: scene.key('') })).kvs.map(({ keyText }) => keyText.slice(scene.key('').length))
      // A member that has just come back may not answer at once.
      await until('the records', async () => (await inEtcd().catch(() => [])).join() === 'a,b', ms)
      await listening.shows(['a', 'b'], ms)
    },
  }

  function verify(told: Told): void {
    const actual = { a: [...(states[0] ?? [])], b: [...(states[1] ?? [])], consumer: [...consumed] }
    const expected = {
      a: expectation(told.a, actual.a, ['healing', 'registered']),
      b: expectation(told.b, actual.b, ['healing', 'registered']),
      consumer: expectation(told.consumer, actual.consumer, ['stale', 'connected']),
    }
    expect(actual).toEqual(expected)
    const since = lines.slice(logged).filter((line) => !/are kept for|^warn record .* skipped/.test(line))
    expect(since, since.join('\n')).toHaveLength(Object.values(expected).flat().length)
    expect(load.tally.failures.slice(told.failures ?? 0).map(({ message }) => message)).toEqual([])
    expect(meter.peak).toBeLessThan(50)
  }
  return { scene, verify }
}

function expectation(told: readonly string[] | 'perhaps' = [], actual: readonly string[], once: readonly string[]): readonly string[] {
  if (told === 'perhaps') return actual.length === 0 ? [] : once
  return told
}

/** The client, telling of every use. */
function counted(client: EtcdClient, used: () => void): EtcdClient {
  const entries = Object.entries(client).map(([name, value]) => {
    if (typeof value !== 'function') return [name, value]
    return [
      name,
      (...args: unknown[]) => {
        used()
        return value(...args)
      },
    ]
  })
  return Object.fromEntries(entries)
}

function follow<T>(subscribe: (listener: (state: T) => void) => void): T[] {
  const told: T[] = []
  subscribe((state) => told.push(state))
  return told
}
