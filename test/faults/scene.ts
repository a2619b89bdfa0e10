import { describe, expect, it } from 'vitest'
import { type EtcdOptions, etcdClient } from '../../src/etcd/index.ts'
import { createChannel, createClient, type RegistrationState, type Server } from '../../src/index.ts'
import type { EtcdRegistry, EtcdRegistryOptions } from '../../src/registries/etcd.ts'
import { Echo } from '../gen/echo_pb.ts'
import { listen, recordLog } from '../registries/etcd/bench.ts'
import { startEcho, until } from '../support/echo.ts'
import { type EtcdProcess, type EtcdProcessOptions, requireEtcd, startCluster } from '../support/etcd.ts'
import { type Load, startLoad } from '../support/load.ts'
import { type Proxy as Network, startProxy } from '../support/proxy.ts'
import { type Api, keysAt, type Overseers, v3 } from './api.ts'
import { startMeter, watchers } from './meter.ts'
import { follow, type Recovery, startProbe } from './recovery.ts'
import { report } from './report.ts'
import { judge, type Told } from './verdict.ts'

/** What a fault is to happen to. */
export interface SceneOptions {
  /** Members of the etcd. Default 1. */
  readonly size?: 1 | 3
  /** Which of etcd's APIs the registries use. Default {@link v3}. */
  readonly api?: Api
  /** How its members are made: all alike, or each as said. */
  readonly made?: EtcdProcessOptions | ((index: number) => EtcdProcessOptions)
  /** Before anything uses it. */
  readonly prepare?: (etcd: EtcdProcess) => Promise<unknown>
  /** How everything in the scene reaches etcd. */
  readonly reach?: (etcd: EtcdProcess) => EtcdOptions
  /** How its overseer does. */
  readonly admin?: EtcdOptions
  /** The servers and the client know no other member than the one behind their proxy. */
  readonly alone?: boolean
  readonly registry?: EtcdRegistryOptions
}

/** Two servers registered by way of one proxy, a client under load that watches them by way of another, and an overseer. */
export interface Scene extends Overseers {
  readonly api: Api
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
  readonly load: Load
  /** Whether the servers, and the client, use the member behind their proxy; otherwise another of the three. */
  readonly used: { readonly near: boolean; readonly far: boolean }
  /** Waits until that has been told, if only for a moment. */
  heard(who: 'a' | 'b' | 'consumer', state: RegistrationState | EtcdRegistry['state']['status']): Promise<void>
  /** How often a connection through the proxies has been tried. */
  tries(): number
  /** What the registries have logged. */
  readonly lines: readonly string[]
  readonly key: (id: string) => string
  /** A further registry of the same kind, without a proxy; closed with the scene. */
  registry(options?: EtcdRegistryOptions): EtcdRegistry
  /** Waits until another call has been answered. */
  answered(): Promise<void>
  /** Waits until all is as it was: everything registered, the listener's set what etcd has. */
  whole(): Promise<void>
}

/** Within which everything is back, counted from when etcd answers as seen from the same process: a second, and the jitter. */
const promised = { registration: 1000 + 500, set: 1000 + 1500 }
/** How late a machine that does other things may be in doing what is due. */
const allowance = 3000
/** Longer than a busy machine does nothing, and than a cluster on it elects a leader in. */
export const ttl = 8000
/** For faults that outlast it: hardly longer than that. */
export const short = 5000
/** How long is waited for what has no bound of its own. */
export const patience = 30_000

/** What is told of the client's set when the way to the member behind its proxy breaks: nothing, if it uses another. */
export const setOf = ({ used }: Scene): readonly string[] => (used.far ? ['stale', 'connected'] : [])

/** The same faults on one etcd and on a cluster. */
export function onBoth(what: string, faults: (size: 1 | 3) => void): void {
  for (const size of [1, 3] as const) describe.concurrent(`${what}, on ${size === 1 ? 'one etcd' : 'three'}`, () => faults(size))
}

export type { Told } from './verdict.ts'

/**
 * A test of one fault. `play` makes it happen and says what it must have caused. Then everything must be whole, a change be heard
 * of, no call have failed, one line be logged per transition, etcd never have been asked in a hot loop, and no more be held there than
 * before; and nothing when all has been closed.
 */
export function fault(name: string, options: SceneOptions, play: (scene: Scene) => Promise<Told>): void {
  it.concurrent(name, async (ctx) => {
    requireEtcd(ctx)
    const { scene, verify, close } = await openScene(options)
    try {
      const told = await play(scene)
      await settle(scene)
      await scene.load.stop()
      report(ctx.task, await verify(told))
    } catch (error) {
      // What is wrong at the end comes of it.
      await close().catch(() => {})
      throw error
    }
    await close()
  })
}

async function settle(scene: Scene): Promise<void> {
  await scene.whole()
  // Nobody has gone deaf.
  const late = await scene.registry().register({ id: 'late', service: 'echo', address: scene.servers[0]?.address ?? '' })
  await scene.listening.shows(['a', 'b', 'late'], patience)
  await late.deregister()
  await scene.listening.shows(['a', 'b'], patience)
  await scene.answered()
}

async function openScene(options: SceneOptions) {
  const { args } = options.api ?? v3
  const made = (index: number): EtcdProcessOptions => {
    const own = typeof options.made === 'function' ? options.made(index) : options.made
    return { ...own, args: [...args, ...(own?.args ?? [])] }
  }
  const members = await startCluster(options.size ?? 1, made)
  const cleanups: (() => Promise<unknown>)[] = members.map((member) => () => member.stop())
  /** Whatever goes wrong, nothing is left running. */
  const close = async (): Promise<void> => {
    const failures: unknown[] = []
    for (const cleanup of cleanups.splice(0).reverse()) await cleanup().catch((error: unknown) => failures.push(error))
    if (failures.length > 0) throw failures[0]
  }
  try {
    return { ...(await build(options, members, cleanups)), close }
  } catch (error) {
    await close()
    throw error
  }
}

async function build(options: SceneOptions, members: readonly EtcdProcess[], cleanups: (() => Promise<unknown>)[]) {
  const { api = v3 } = options
  const first = members[0] as EtcdProcess
  await options.prepare?.(first)
  const { lines, logger } = recordLog()
  const reach = options.reach?.(first) ?? {}
  const addresses = members.map(({ address }) => address)
  const urls = members.map(({ metrics }) => metrics)
  const [near, far] = await Promise.all([startProxy(first.address), startProxy(first.address)])
  const made: EtcdRegistry[] = []
  const registry = (more: EtcdRegistryOptions = {}): EtcdRegistry => {
    const one = api.registry({ ...reach, endpoints: addresses, ttl, ...options.registry, ...more })
    made.push(one)
    return one
  }
  const others = options.alone ? [] : addresses.slice(1)
  const by = (proxy: Network) => [proxy.address, ...others]
  const provider = registry({ endpoints: by(near), logger })
  const consumer = registry({ endpoints: by(far), logger })
  let asked = 0
  const count = (): void => {
    asked += 1
  }
  const admin = counted(etcdClient({ ...reach, ...options.admin, endpoints: addresses }), count)
  const overseers = { admin, keys: keysAt(addresses, count) }
  const meter = await startMeter(urls, () => asked)
  const servers = await Promise.all(['a', 'b'].map((who) => startEcho({ registry: provider, who })))
  const listening = listen(consumer, 'echo')
  await listening.shows(['a', 'b'], patience)
  const channel = createChannel({ service: 'echo', registry: consumer })
  const client = createClient(Echo, { channel, timeout: 20_000 })
  const load = startLoad(async () => (await client.once({})).text, 2, 10)
  await until('calls at both', () => Object.keys(load.tally.perInstance).length === 2, patience)
  // What speaks TLS is asked beside the proxies.
  const probe = (proxy: Network) => startProbe(first.certificates === undefined ? by(proxy).map((address) => `http://${address}`) : urls)
  const used = { near: near.connections > 0, far: far.connections > 0 }
  const [nearProbe, farProbe] = [probe(near), probe(far)]
  const states = servers.map((server, i) =>
    follow<RegistrationState>(
      'ab'.charAt(i),
      nearProbe,
      (state) => state === 'registered',
      (listener) => server.registration?.onState(listener),
    ),
  )
  const consumed = follow<string>(
    'consumer',
    farProbe,
    (status) => status === 'connected',
    (listener) => consumer.onState(({ status }) => listener(status)),
  )
  const logged = lines.length

  /** Waits until the registries hold so much at etcd, and no more connections than they need. */
  async function holding(renewed: number, watches: number, connections: number): Promise<void> {
    await until(`${renewed} to renew`, async () => (await api.renewed(overseers).catch(() => -1)) === renewed, patience)
    const watching = async () => (await Promise.all(urls.map(watchers))).reduce((sum, of) => sum + of, 0)
    await until(`${watches} watches`, async () => (await watching().catch(() => -1)) === watches, patience)
    await until(`${connections} connections`, () => Math.max(near.connections, far.connections) <= connections, patience)
  }

  /** One lease, or a record each, a watch of the set and one of every record: so it is at first, and once a fault is over. */
  const lean = (): Promise<void> => holding(api.two, 3, api.connections)
  await lean()
  cleanups.push(
    async () => Promise.all([near.close(), far.close()]),
    () => admin.close(),
    () => meter.stop(),
    () => Promise.all([nearProbe.stop(), farProbe.stop()]),
    async () => {
      await load.stop()
      await channel.close()
      await Promise.all(servers.map((server) => server.close()))
      await Promise.all(made.map((one) => one.close()))
      await holding(0, 0, 0)
    },
  )
  const scene: Scene = {
    ...{ ...overseers, api, members, etcd: first, near, far, provider, consumer, servers, listening, load, lines, registry },
    used,
    async heard(who, state) {
      const told: readonly string[] | undefined = { a: states[0]?.told, b: states[1]?.told, consumer: consumed.told }[who]
      await until(`${who} to be told ${state}`, () => told?.includes(state) ?? false, patience)
    },
    tries: () => near.accepted + far.accepted - nearProbe.asked - farProbe.asked,
    key: (id) => `${api.root}echo/${id}`,
    async answered() {
      // By whom is the balancer's business: it may avoid for long who was slow once.
      const answers = (): number => Object.values(load.tally.perInstance).reduce((sum, of) => sum + of, 0)
      const before = answers()
      await until('answers', () => answers() > before, patience)
    },
    async whole() {
      await until('the registrations', () => servers.every((server) => server.registration?.state === 'registered'), patience)
      await until('the sets', () => consumer.state.status === 'connected', patience)
      // A member that has just come back may not answer at once.
      await until('the records', async () => (await api.ids(overseers, 'echo').catch(() => [])).join() === 'a,b', patience)
      await listening.shows(['a', 'b'], patience)
    },
  }

  /** Throws what is wrong; returns how it went. */
  async function verify(told: Told): Promise<Measures> {
    await lean()
    const requests = await meter.stop()
    const actual = { a: [...(states[0]?.told ?? [])], b: [...(states[1]?.told ?? [])], consumer: [...consumed.told] }
    judge(told, actual, lines.slice(logged))
    expect(load.tally.failures.map(({ message }) => message)).toEqual([])
    expect(requests, 'messages at etcd in a second').toBeLessThan(50)
    const slowest = (all: readonly Recovery[]) => all.reduce<number | undefined>((most, { ms }) => Math.max(most ?? 0, ms), undefined)
    const measures = {
      registration: told.recovery ?? slowest(states.flatMap(({ recoveries }) => recoveries)),
      set: slowest(consumed.recoveries),
      requests,
      calls: load.tally.calls,
    }
    for (const what of ['registration', 'set'] as const) {
      expect(measures[what] ?? 0, `the ${what} was back late`).toBeLessThan(promised[what] + allowance)
    }
    return measures
  }
  return { scene, verify }
}

/** How a fault went. Times are milliseconds; undefined where nothing was lost. */
export interface Measures {
  /** From when etcd answered until the registration that took longest was back. */
  readonly registration: number | undefined
  /** … until the client's set was certain again. */
  readonly set: number | undefined
  /** The most messages that etcd received in a second. */
  readonly requests: number
  readonly calls: number
}

/** The client, telling of every use. */
function counted<T extends object>(client: T, used: () => void): T {
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
