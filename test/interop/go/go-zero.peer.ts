import { describe, expect, it } from 'vitest'
import { createClient } from '../../../src/index.ts'
import { etcd, goZero } from '../../../src/registries/etcd.ts'
import { Echo } from '../../gen/echo_pb.ts'
import { listen } from '../../registries/etcd/bench.ts'
import { startEcho, until } from '../../support/echo.ts'
import { between, type Program } from './program.ts'

const { etcd: server, program } = between('go-zero')
const key = 'user.rpc'
const registry = () => etcd({ endpoints: [server().address], layouts: [goZero()] })

/** Resolves when go-zero's subscriber has these values. */
const sees = (peer: Program, ...values: string[]) =>
  until(`[${values}]`, async () => JSON.stringify(await peer.ask('values')) === JSON.stringify({ values }), 20_000)

describe('go-zero', () => {
  it('publishes what we find, under numbers of leases and of its own, and what stops is gone', async () => {
    await using peer = await program('-key', key)
    const found = registry()
    const listening = listen(found, key)
    await peer.ask('publish 10.0.0.1:80')
    await peer.ask('publish 10.0.0.2:80 7')
    const addresses = () => listening.last.map(({ address }) => address).sort()
    await until('both', () => addresses().join() === '10.0.0.1:80,10.0.0.2:80', 20_000)
    expect(listening.last.map(({ id }) => id)).toContain(`${key}/7`)
    for (const { id } of listening.last) expect(id).toMatch(/^user\.rpc\/\d+$/)
    await peer.ask('stop 10.0.0.1:80')
    await until('one', () => addresses().join() === '10.0.0.2:80', 20_000)
    await found.close()
  })

  it('subscribes to what we register, to several of one process, and of one address', async () => {
    await using peer = await program('-key', key)
    const ours = registry()
    const a = await ours.register({ id: 'a', service: key, address: '10.0.0.1:80' })
    const b = await ours.register({ id: 'b', service: key, address: '10.0.0.2:80' })
    const again = await ours.register({ id: 'again', service: key, address: '10.0.0.1:80' })
    await sees(peer, '10.0.0.1:80', '10.0.0.2:80')
    await peer.ask('publish 10.0.0.3:80')
    await sees(peer, '10.0.0.1:80', '10.0.0.2:80', '10.0.0.3:80')
    await a.deregister()
    await b.deregister()
    await sees(peer, '10.0.0.1:80', '10.0.0.3:80')
    await again.update({ ...again.instance, address: '10.0.0.4:80' })
    await sees(peer, '10.0.0.3:80', '10.0.0.4:80')
    await again.deregister()
    await sees(peer, '10.0.0.3:80')
    await ours.close()
  })
})

describe('a go-zero server', () => {
  it('is found by our client, called over gRPC, and gone when it stops', async () => {
    const found = registry()
    const listening = listen(found, key)
    await using one = await program('-mode', 'serve', '-key', key, '-who', 'one')
    await using two = await program('-mode', 'serve', '-key', key, '-who', 'two')
    const addresses = () => listening.last.map(({ address }) => address).sort()
    await until('both', () => addresses().join() === [one.address, two.address].sort().join())
    await using client = createClient(Echo, { service: key, registry: found })
    const who = new Set<string>()
    await until('both to answer', async () => who.add((await client.unary({ text: 'hi' })).text).size === 2)
    expect([...who].sort()).toEqual(['one: hi', 'two: hi'])
    await one.stop()
    await until('one', () => addresses().join() === two.address)
    for (let i = 0; i < 20; i++) expect(await client.unary({ text: 'hi' })).toMatchObject({ text: 'two: hi' })
    await found.close()
  })
})

describe('a go-zero client', () => {
  it('finds our servers, calls all of them, and loses no call when one stops', async () => {
    const ours = registry()
    const a = await startEcho({ name: key, who: 'a', registry: ours })
    const b = await startEcho({ name: key, who: 'b', registry: ours })
    await using peer = await program('-mode', 'call', '-key', key)
    const who = new Set<string>()
    await until('both', async () => who.add(JSON.stringify(await peer.ask('hi'))).size === 2)
    expect([...who].sort()).toEqual(['{"text":"a"}', '{"text":"b"}'])
    const stopping = a.close()
    let stopped = false
    void stopping.then(() => {
      stopped = true
    })
    while (!stopped) expect(await peer.ask('hi')).toEqual({ text: expect.any(String) })
    for (let i = 0; i < 20; i++) expect(await peer.ask('hi')).toEqual({ text: 'b' })
    await b.close()
    await ours.close()
  })
})
