import { describe, expect, it } from 'vitest'
import { createClient, RpcError } from '../../../src/index.ts'
import { etcd, kitex } from '../../../src/registries/etcd.ts'
import { Echo } from '../../gen/echo_pb.ts'
import { listen } from '../../registries/etcd/bench.ts'
import { collect, failure, streamOf } from '../../support/context.ts'
import { startEcho, until } from '../../support/echo.ts'
import { between } from './program.ts'

const { etcd: server, program } = between('kitex')
const registry = () => etcd({ endpoints: [server().address], layouts: [kitex()] })

describe('a kitex server', () => {
  it('is found by our client with weight and tags, called over gRPC, and gone when it stops', async () => {
    const found = registry()
    const listening = listen(found, 'echo')
    await using one = await program('-who', 'one', '-weight', '30')
    await using two = await program('-who', 'two')
    await until('both', () => listening.last.length === 2)
    const of = (address: string) => listening.last.find((instance) => instance.address === address)
    const common = { service: 'echo', version: 'v3', zone: 'z', metadata: { color: 'red' } }
    expect(of(one.address)).toMatchObject({ ...common, id: `kitex/registry-etcd/echo/${one.address}`, weight: 3 })
    expect(of(two.address)).toMatchObject(common)
    expect(of(two.address)).not.toHaveProperty('weight')
    expect(await found.services()).toEqual(['echo'])
    for (const instance of listening.last)
      expect(await server().etcdctl('get', '--print-value-only', instance.id)).toBe(`${kitex().encode(instance)}\n`)
    await one.ask('45')
    await until('another weight', () => of(one.address)?.weight === 4.5)
    await using client = createClient(Echo, { service: 'echo', registry: found })
    const who = new Set<string>()
    await until('both to answer', async () => who.add((await client.unary({ text: 'hi', payload: new Uint8Array(9) })).text).size === 2)
    expect([...who].sort()).toEqual(['one: hi', 'two: hi'])
    expect((await collect(client.expand({ text: 'n', count: 100 }))).map(({ text }) => text)).toEqual(
      Array.from({ length: 100 }, (_, i) => `n${i}`),
    )
    expect(await failure(client.unary({ text: 'gone' }))).toMatchObject({ code: 'not_found', rawMessage: 'gone [biz error]' })
    // kitex sends the numbers of its own errors for gRPC's: its 1 is an unknown method.
    expect(await failure(client.collect(streamOf({ text: 'a' })))).toMatchObject({ code: 'canceled', rawMessage: 'unknown method Collect' })
    await one.stop()
    await until('one', () => listening.last.length === 1)
    await two.stop()
    await listening.shows([])
    await found.close()
  })
})

describe('a kitex client', () => {
  it('resolves our records as those of its own, and calls by their weights, and loses no call when one stops', async () => {
    const ours = registry()
    const changes = {
      once: ({ text }: { text: string }) => {
        throw new RpcError('not_found', text)
      },
    }
    const options = { registry: ours, changes, metadata: { color: 'ü <&>' } }
    const a = await startEcho({ who: 'a', ...options, version: '1.2', weight: 3, zone: 'z' })
    const b = await startEcho({ who: 'b', ...options })
    await using peer = await program('-mode', 'call')
    const { instances } = (await peer.ask('resolve color version zone protocol')) as { instances: object[] }
    expect(instances).toHaveLength(2)
    const tags = { color: 'ü <&>', protocol: 'grpc' }
    expect(instances).toContainEqual({ network: 'tcp', address: a.address, weight: 30, tags: { ...tags, version: '1.2', zone: 'z' } })
    expect(instances).toContainEqual({ network: 'tcp', address: b.address, weight: 10, tags: { ...tags, version: 'latest' } })
    const call = async () => ((await peer.ask('Unary hi')) as { texts: string[] }).texts.join()
    const answered: string[] = []
    for (let i = 0; i < 40; i++) answered.push(await call())
    expect(answered.filter((one) => one === 'a')).toHaveLength(30)
    expect(await peer.ask('Expand n 3')).toMatchObject({ texts: [expect.any(String), expect.any(String), expect.any(String)] })
    expect(await peer.ask('Once gone')).toMatchObject({ error: { code: 5, text: expect.stringContaining('gone') } })
    const { registration } = a
    await registration?.update({ ...registration.instance, weight: 0.25 })
    const weights = async () => ((await peer.ask('resolve')) as { instances: { weight: number }[] }).instances.map(({ weight }) => weight)
    expect((await weights()).sort()).toEqual([10, 3])
    // The client asks etcd again after 5 s; until then it finds out by trying.
    const stopping = a.close()
    let stopped = false
    void stopping.then(() => {
      stopped = true
    })
    while (!stopped) expect(await peer.ask('Unary hi')).toEqual({ texts: [expect.any(String)] })
    for (let i = 0; i < 20; i++) expect(await call()).toBe('b')
    await b.close()
    expect(await peer.ask('resolve')).toEqual({ instances: [] })
    await ours.close()
  })
})
