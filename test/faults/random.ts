import { setTimeout as delay } from 'node:timers/promises'
import { etcdClient } from '../../src/etcd/index.ts'
import { createChannel, createClient, type Server } from '../../src/index.ts'
import { type EtcdRegistry, etcd } from '../../src/registries/etcd.ts'
import { Echo } from '../gen/echo_pb.ts'
import { seeded } from '../support/context.ts'
import { startEcho } from '../support/echo.ts'
import { type EtcdProcess, startCluster, startEtcd } from '../support/etcd.ts'
import { startLoad } from '../support/load.ts'
import { type Proxy as Network, startProxy } from '../support/proxy.ts'

export interface RandomRun {
  readonly seconds: number
  readonly seed: number
  log(line: string): void
}

const services = ['red', 'green', 'blue'] as const
const instancesEach = 3
const ttl = 3000
const prefix = (service: string) => `/micro/registry/${service}/`

/**
 * Services, listeners and callers under a seeded mix of faults. At the end every listener's set must be etcd's, every live instance be
 * registered exactly once, and no call have failed. Resolves with what is wrong.
 */
export async function randomRun({ seconds, seed, log }: RandomRun): Promise<readonly string[]> {
  const random = seeded(seed)
  const pick = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)] as T
  const size = random() < 0.5 ? 1 : 3
  log(`seed ${seed}: ${seconds} s on ${size === 1 ? 'one etcd' : 'three members'}`)
  const members = size === 1 ? [await startEtcd()] : await startCluster(size)
  const first = members[0] as EtcdProcess
  const addresses = members.map(({ address }) => address)
  const proxies: Network[] = []
  const registries: EtcdRegistry[] = []
  const admin = etcdClient({ endpoints: addresses, timeout: 2000 })

  async function registry(): Promise<EtcdRegistry> {
    const proxy = await startProxy(first.address)
    proxies.push(proxy)
    const made = etcd({
      endpoints: [proxy.address, ...addresses.slice(1)],
      ...{ ttl, timeout: 2000, unreachable: 'wait', keepalive: { interval: 5000, timeout: 1000 } },
    })
    registries.push(made)
    return made
  }

  const provider = await registry()
  const live = new Map<string, { service: string; server: Server }>()
  let born = 0
  async function spawn(service: string): Promise<void> {
    const id = `${service}-${born++}`
    live.set(id, { service, server: await startEcho({ name: service, registry: provider, who: id, propagation: 400 }) })
  }
  for (const service of services) for (let i = 0; i < instancesEach; i++) await spawn(service)

  const listeners = await Promise.all(
    services.map(async (service) => {
      const consumer = await registry()
      const channel = createChannel({ service, registry: consumer })
      let ids: readonly string[] = []
      consumer.watch(service, {
        update(all) {
          ids = all.map(({ id }) => id)
        },
        error() {},
      })
      const client = createClient(Echo, { channel, timeout: 30_000 })
      const load = startLoad(async () => (await client.unary({})).text, 2)
      return { service, consumer, channel, load, shows: () => ids }
    }),
  )

  /** A key of an instance that is there, if etcd can be asked now. */
  async function someKey() {
    const { kvs } = await admin.range({ prefix: '/micro/registry/' })
    return kvs.length === 0 ? undefined : pick(kvs)
  }

  const member = () => pick(members)
  const faults: Record<string, () => Promise<unknown>> = {
    'a lease is revoked': async () => {
      const kv = await someKey()
      if (kv !== undefined && kv.lease !== 0n) await admin.revoke(kv.lease)
    },
    'a key is deleted': async () => {
      const kv = await someKey()
      if (kv !== undefined) await admin.delete({ key: kv.key })
    },
    'a record is overwritten': async () => {
      const kv = await someKey()
      if (kv !== undefined) await admin.put(kv.key, kv.text.replace('"version":"latest"', '"version":"other"'))
    },
    'history is compacted': async () => admin.compact((await admin.put('x', `${random()}`)).revision),
    'many keys change at once': async () => {
      const keys = Array.from({ length: 50 }, (_, i) => `${prefix(pick(services))}passing-${i}`)
      await admin.txn({ success: keys.map((key) => ({ put: key, value: '{"name":"nobody","nodes":null}' })) })
      await admin.txn({ success: keys.map((key) => ({ delete: { key } })) })
    },
    'connections are cut': async () => pick(proxies).cut(),
    'connections are refused for a while': async () => {
      const proxy = pick(proxies)
      proxy.cut({ refuse: true })
      await delay(200 + random() * 5000)
      proxy.heal()
    },
    'a network swallows everything for a while': async () => {
      const proxy = pick(proxies)
      proxy.blackHole()
      await delay(200 + random() * 6000)
      proxy.heal()
    },
    'a network holds everything back for a while': async () => {
      const proxy = pick(proxies)
      proxy.hold()
      await delay(200 + random() * 6000)
      proxy.heal()
    },
    'a member is killed and comes back': async () => {
      const one = member()
      await one.kill()
      await delay(random() * 5000)
      await one.restart()
    },
    'a member is paused': async () => {
      const one = member()
      one.pause()
      await delay(random() * 5000)
      one.resume()
    },
    'etcd comes back empty': async () => {
      if (size === 1) await first.restart({ empty: true })
    },
    'an instance comes': () => spawn(pick(services)),
    'an instance goes': async () => {
      const candidates = [...live].filter(([, { service }]) => [...live.values()].filter((one) => one.service === service).length > 1)
      if (candidates.length === 0) return
      const [id, { server }] = pick(candidates)
      live.delete(id)
      await server.close()
    },
  }

  const names = Object.keys(faults)
  const began = performance.now()
  while (performance.now() - began < seconds * 1000) {
    const name = pick(names)
    log(`${((performance.now() - began) / 1000).toFixed(1).padStart(6)} s  ${name}`)
    await faults[name]?.().catch((error: Error) => log(`          not now: ${error.message}`))
    await delay(random() * 1500)
  }
  for (const proxy of proxies) proxy.heal()

  async function wrong(): Promise<readonly string[]> {
    const found: string[] = []
    for (const { service, consumer, shows } of listeners) {
      const { kvs } = await admin.range({ prefix: prefix(service) })
      const inEtcd = kvs.map(({ keyText }) => keyText.slice(prefix(service).length)).sort()
      const alive = [...live].flatMap(([id, one]) => (one.service === service ? [id] : [])).sort()
      if (inEtcd.join() !== alive.join()) found.push(`"${service}" in etcd is [${inEtcd}], but alive are [${alive}]`)
      if (shows().join() !== inEtcd.join()) found.push(`a listener to "${service}" was told [${shows()}], but in etcd are [${inEtcd}]`)
      if (consumer.state.status !== 'connected') found.push(`the registry of "${service}" is ${consumer.state.status}`)
    }
    const leases = (await admin.leases()).length
    if (leases !== 1) found.push(`there are ${leases} leases for the ${live.size} instances of one process`)
    return found
  }

  // A lease that nobody keeps takes its time; so does the grace of a set that has collapsed.
  let left: readonly string[] = ['nothing has been looked at']
  for (const end = performance.now() + 6 * ttl; left.length > 0 && performance.now() < end; await delay(200)) {
    left = await wrong().catch((error: Error) => [error.message])
  }
  const tallies = await Promise.all(listeners.map(({ load }) => load.stop()))
  const failures = tallies.flatMap(({ failures: all }) => all.map(({ message }) => `a call failed: ${message}`))
  log(`${tallies.reduce((sum, { calls }) => sum + calls, 0)} calls, ${born} instances`)
  for (const { channel } of listeners) await channel.close()
  await Promise.all([...live.values()].map(({ server }) => server.close()))
  await Promise.all(registries.map((one) => one.close()))
  await Promise.all(proxies.map((proxy) => proxy.close()))
  await admin.close()
  await Promise.all(members.map((one) => one.stop()))
  return [...left, ...failures]
}
