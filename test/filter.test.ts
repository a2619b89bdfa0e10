import { describe, expect, it } from 'vitest'
import { filtered } from '../src/filter.ts'
import { byEndpoint, byLabel, byVersion, createChannel, createClient, type Instance, instancesOf, type Transport } from '../src/index.ts'
import { memory } from '../src/registries/memory.ts'
import { grpc } from '../src/transports/grpc.ts'
import { Echo } from './gen/echo_pb.ts'
import { failure } from './support/context.ts'
import { startEcho, until } from './support/echo.ts'

const one: Instance = { id: '1', service: 's', address: 'h:1', version: 'v1', metadata: { color: 'red' }, endpoints: [{ name: 'A.B' }] }
const two: Instance = { id: '2', service: 's', address: 'h:2', version: 'v2', metadata: { color: 'blue' } }
const bare: Instance = { id: '3', service: 's', address: 'h:3' }
const all = instancesOf([one, two, bare])

describe('filters', () => {
  it('choose by version, label and endpoint', () => {
    expect([...byVersion('v2')(all)]).toEqual([two])
    expect([...byLabel('color', 'red')(all)]).toEqual([one])
    expect([...byLabel('constructor', 'x')(all)]).toEqual([])
    expect([...byEndpoint('A.B')(all)]).toEqual([one])
    expect([...byEndpoint('A.C')(all)]).toEqual([])
  })

  it('may be one, or none', async () => {
    const registry = memory()
    expect(filtered(registry, [])).toBe(registry)
    for (const instance of [one, two]) await registry.register(instance)
    const told: string[][] = []
    filtered(registry, [byVersion('v2')]).watch('s', { update: (set) => told.push(set.map(({ id }) => id)), error() {} })
    await until('the set', () => told.length > 0)
    expect(told).toEqual([['2']])
    await registry.close()
  })

  it('decide whom a client knows, one after the other, now and later', async () => {
    await using registry = { ...memory(), [Symbol.asyncDispose]: () => registry.close() }
    const servers = [
      await startEcho({ who: 'old', registry, version: 'v1' }),
      await startEcho({ who: 'red', registry, version: 'v2', metadata: { color: 'red' } }),
    ]
    await using client = createClient(Echo, { service: 'echo', registry, filter: [byVersion('v2'), byLabel('color', 'blue')] })
    const nobody = await failure(client.unary({}, { timeout: 30 }))
    expect(nobody.message).toContain('no instances of "echo" in memory (filtered)')
    servers.push(await startEcho({ who: 'blue', registry, version: 'v2', metadata: { color: 'blue' } }))
    for (let i = 0; i < 10; i++) expect((await client.unary({})).text).toBe('blue')
    await Promise.all(servers.map((server) => server.close()))
  })
})

describe('several transports', () => {
  const dialed: string[] = []
  const speaking = (scheme: string): Transport => {
    const real = grpc()
    return {
      ...real,
      scheme,
      dial(address, options) {
        dialed.push(`${scheme} ${address}`)
        return real.dial(address.replace(/^.*:\/\//, ''), options)
      },
    }
  }

  it('each get the instances that speak their protocol, by record or address, and the first the rest', async () => {
    const registry = memory()
    const instances = [
      { ...bare, id: 'a', metadata: { protocol: 'mucp' } },
      { ...bare, id: 'b', metadata: { protocol: 'grpc' } },
      { ...bare, id: 'c', address: 'mucp://h:3' },
      { ...bare, id: 'd', address: 'http://h:3', metadata: { protocol: 'http' } },
      { ...bare, id: 'e' },
      { ...bare, id: 'f', metadata: { server: 'mucp', transport: 'grpc' } },
      { ...bare, id: 'g', metadata: { transport: 'mucp' } },
    ]
    for (const instance of instances) await registry.register(instance)
    const channel = createChannel({ service: 's', registry, transport: [speaking('grpc'), speaking('mucp')] })
    await until('all', () => dialed.length >= 7)
    expect(dialed).toEqual(['mucp h:3', 'grpc h:3', 'mucp mucp://h:3', 'grpc http://h:3', 'grpc h:3', 'mucp h:3', 'mucp h:3'])
    await channel.close()
    await registry.close()
  })

  it('are at least one', () => {
    expect(() => createChannel({ service: 's', addresses: ['h:1'], transport: [] })).toThrow('transport must not be empty')
  })
})
