// The main job on real servers and in real processes: instances register in etcd, callers find them, and faults lose no call.
import { execFile } from 'node:child_process'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterEach, describe, expect, it } from 'vitest'
import { type Channel, type Client, createChannel, createClient } from '../../src/index.ts'
import { etcd, goKit } from '../../src/registries/etcd.ts'
import { Echo } from '../gen/echo_pb.ts'
import { startEcho, until } from '../support/echo.ts'
import { type EtcdProcess, requireEtcd, startCluster, startEtcd } from '../support/etcd.ts'
import { type InstanceProcess, spawnInstance } from '../support/instance.ts'
import { startLoad } from '../support/load.ts'

const cleanups: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

/** In milliseconds: short, so that the lease of a killed instance ends during the test. */
const ttl = 3000

interface Fleet {
  readonly channel: Channel
  readonly echo: Client<typeof Echo>
  readonly instances: InstanceProcess[]
  spawn(id: string): Promise<InstanceProcess>
  /** Ids of the instances that are in the pick. */
  ready(): string[]
}

async function single(): Promise<EtcdProcess> {
  const server = await startEtcd()
  cleanups.push(() => server.stop())
  return server
}

/** Three instances in processes of their own, and a client that watches them from this one. */
async function startFleet(endpoints: readonly string[]): Promise<Fleet> {
  const url = `etcd://${endpoints.join(',')}?ttl=${ttl}ms`
  const registry = etcd({ endpoints: [...endpoints], ttl })
  const channel = createChannel({ service: 'echo', registry })
  cleanups.push(async () => {
    await channel.close()
    await registry.close()
  })
  const instances: InstanceProcess[] = []
  const fleet: Fleet = {
    channel,
    echo: createClient(Echo, { channel }),
    instances,
    async spawn(id) {
      const instance = spawnInstance(url, id)
      cleanups.push(() => instance.end('SIGKILL'))
      instances.push(instance)
      await instance.serving()
      return instance
    },
    ready: () => channel.nodes.filter((node) => node.state === 'ready').map((node) => node.instance.id),
  }
  await Promise.all(['a', 'b', 'c'].map((id) => fleet.spawn(id)))
  await until('three instances in the pick', () => fleet.ready().length === 3)
  return fleet
}

function instance(fleet: Fleet, id: string): InstanceProcess {
  const found = fleet.instances.find((one) => one.id === id)
  if (found === undefined) throw new Error(`no instance ${id}`)
  return found
}

const messages = (failures: readonly Error[]): string[] => failures.map((failure) => failure.message)

describe('an instance that is killed under load', () => {
  it('costs no idempotent call, leaves the pick while its record is still there, and etcd when its lease ends', async (ctx) => {
    requireEtcd(ctx)
    const server = await single()
    const fleet = await startFleet([server.address])
    const load = startLoad(async () => (await fleet.echo.unary({})).text)
    await until('calls at every instance', () => Object.keys(load.tally.perInstance).length === 3)
    await instance(fleet, 'b').end('SIGKILL')
    await until('b out of the pick', () => !fleet.ready().includes('b'))
    expect(await server.etcdctl('get', '/micro/registry/echo/b', '--keys-only')).toContain('/b')
    await until('b gone from etcd', async () => (await server.etcdctl('get', '/micro/registry/echo/b')) === '')
    await until('b gone from the set', () => fleet.channel.nodes.length === 2)
    await fleet.spawn('b2')
    await until('calls at the new instance', () => (load.tally.perInstance.b2 ?? 0) > 0)
    const { failures, calls } = await load.stop()
    expect(messages(failures)).toEqual([])
    expect(calls).toBeGreaterThan(100)
  }, 60_000)
})

describe('an instance that is stopped under load', () => {
  it('costs no call of any method', async (ctx) => {
    requireEtcd(ctx)
    const server = await single()
    const fleet = await startFleet([server.address])
    const load = startLoad(async () => (await fleet.echo.once({})).text)
    await until('calls at every instance', () => Object.keys(load.tally.perInstance).length === 3)
    await instance(fleet, 'a').end('SIGTERM')
    expect(instance(fleet, 'a').child.exitCode).toBe(0)
    expect(await server.etcdctl('get', '/micro/registry/echo/a')).toBe('')
    await until('a gone from the set', () => fleet.channel.nodes.length === 2)
    const { failures } = await load.stop()
    expect(messages(failures)).toEqual([])
  }, 60_000)
})

describe('etcd', () => {
  it('may be gone for a minute: no call fails, and who comes and goes meanwhile is right after', async (ctx) => {
    requireEtcd(ctx)
    const server = await single()
    const fleet = await startFleet([server.address])
    const load = startLoad(async () => (await fleet.echo.once({})).text, 2, 20)
    await server.kill()
    await delay(20_000)
    await instance(fleet, 'a').end('SIGTERM')
    const coming = fleet.spawn('d')
    await delay(40_000)
    expect(fleet.ready()).toEqual(['b', 'c'])
    expect(messages(load.tally.failures)).toEqual([])
    await server.restart()
    await coming
    await until('the set to be right', () => fleet.channel.nodes.map((node) => node.instance.id).join() === 'b,c,d', 30_000)
    await until('calls at the new instance', () => (load.tally.perInstance.d ?? 0) > 0)
    const { failures } = await load.stop()
    expect(messages(failures)).toEqual([])
  }, 150_000)

  it('may come back without its data: every instance is back, and no call fails', async (ctx) => {
    requireEtcd(ctx)
    const server = await single()
    const fleet = await startFleet([server.address])
    const load = startLoad(async () => (await fleet.echo.once({})).text, 2)
    await server.restart({ empty: true })
    await until(
      'all three to be back in etcd',
      async () => (await server.etcdctl('get', '--prefix', '/micro/registry/echo/', '--keys-only')).trim().split(/\s+/).length === 3,
      10_000,
    )
    await fleet.spawn('d')
    await until('the watch to go on', () => fleet.ready().join() === 'a,b,c,d', 30_000)
    const { failures } = await load.stop()
    expect(messages(failures)).toEqual([])
  }, 90_000)

  it('may lose one of three members: instances stay, come and go, and no call fails', async (ctx) => {
    requireEtcd(ctx)
    const members = await startCluster()
    cleanups.push(() => Promise.all(members.map((member) => member.stop())))
    const fleet = await startFleet(members.map((member) => member.address))
    const load = startLoad(async () => (await fleet.echo.once({})).text)
    for (const member of members) {
      await member.kill()
      const id = `during-${members.indexOf(member)}`
      await fleet.spawn(id)
      await until(`${id} in the pick`, () => fleet.ready().includes(id))
      await instance(fleet, id).end('SIGTERM')
      await until(`${id} gone`, () => !fleet.channel.nodes.some((node) => node.instance.id === id))
      await member.restart()
    }
    expect(fleet.ready()).toEqual(['a', 'b', 'c'])
    const { failures } = await load.stop()
    expect(messages(failures)).toEqual([])
  }, 120_000)
})

describe('a record put by hand', () => {
  it('in go-kit’s layout is called', async (ctx) => {
    requireEtcd(ctx)
    const server = await single()
    const echo = await startEcho({ who: 'by hand' })
    const registry = etcd({ endpoints: [server.address], layouts: [goKit({ prefix: '/services/echo/' })] })
    const client = createClient(Echo, { service: 'echo', registry })
    cleanups.push(
      () => registry.close(),
      () => echo.close(),
    )
    const reply = client.unary({})
    await server.etcdctl('put', `/services/echo/${echo.address}`, echo.address)
    expect((await reply).text).toBe('by hand')
    await client[Symbol.asyncDispose]()
  })

  it('that is malformed is left out, and the others are called', async (ctx) => {
    requireEtcd(ctx)
    const server = await single()
    const warnings: string[] = []
    const logger = { debug() {}, info() {}, error() {}, warn: (_: object, message: string) => void warnings.push(message) }
    const registry = etcd({ endpoints: [server.address], logger })
    await server.etcdctl('put', '/micro/registry/echo/broken', '{"name":')
    const echo = await startEcho({ registry, who: 'whole' })
    const client = createClient(Echo, { service: 'echo', registry })
    cleanups.push(
      () => registry.close(),
      () => echo.close(),
    )
    expect((await client.unary({})).text).toBe('whole')
    await server.etcdctl('put', '/micro/registry/echo/whole2', 'null')
    expect((await client.unary({})).text).toBe('whole')
    await until('a warning for each', () => warnings.length === 2)
    expect(warnings.join('\n')).toMatch(/echo\/broken/)
    await client[Symbol.asyncDispose]()
  })
})

describe('etcdctl and the beckon command', () => {
  it('see what services register, and what the other has written', async (ctx) => {
    requireEtcd(ctx)
    const server = await single()
    const registry = etcd({ endpoints: [server.address] })
    const echo = await startEcho({ registry, who: 'echo-1', metadata: { colour: 'blue' } })
    cleanups.push(
      () => registry.close(),
      () => echo.close(),
    )
    const record = await server.etcdctl('get', '/micro/registry/echo/echo-1', '--print-value-only')
    expect(JSON.parse(record)).toMatchObject({
      name: 'echo',
      version: 'latest',
      nodes: [{ id: 'echo-1', address: echo.address, metadata: { colour: 'blue', protocol: 'grpc' } }],
    })
    const other = {
      name: 'by.hand',
      version: '7',
      metadata: null,
      endpoints: null,
      nodes: [{ id: 'by.hand-1', address: '10.0.0.9:80', metadata: null }],
    }
    await server.etcdctl('put', '/micro/registry/by.hand/by.hand-1', JSON.stringify(other))
    const beckon = async (...args: string[]): Promise<unknown> => {
      const command = ['--import', 'tsx', fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url))]
      const { stdout } = await promisify(execFile)(process.execPath, [
        ...command,
        `--registry_address=${server.address}`,
        ...args,
        '--json',
      ])
      return JSON.parse(stdout)
    }
    expect(JSON.stringify(await beckon('services'))).toMatch(/"by\.hand".*"echo"/)
    expect(JSON.stringify(await beckon('describe', 'by.hand'))).toMatch(/10\.0\.0\.9:80/)
    const call = await beckon('call', 'echo', 'Echo.Unary', '{"count":3}')
    expect(call).toMatchObject({ text: 'echo-1', count: 3 })
  }, 60_000)
})
