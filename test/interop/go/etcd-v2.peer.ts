import { describe, expect, it } from 'vitest'
import { createClient } from '../../../src/index.ts'
import { etcdV2, goKit } from '../../../src/registries/etcd-v2.ts'
import { Echo } from '../../gen/echo_pb.ts'
import { listen } from '../../registries/etcd/bench.ts'
import { startEcho, until } from '../../support/echo.ts'
import { keysOf } from '../../support/etcd-v2.ts'
import { between } from './program.ts'

const kit = between('go-kit')
const micro = between('go-micro-v1', { shared: kit.etcd })
const registry = (prefix: string) => etcdV2({ endpoints: [kit.etcd().address], layouts: [goKit({ prefix })], ttl: 3000 })

describe('a go-kit server in etcd v2', () => {
  it('is found by our client, called, and gone when it stops or dies', async () => {
    const prefix = '/services/book/'
    await using one = await kit.program('-v2', '-prefix', prefix, '-name', 'one')
    await using two = await kit.program('-v2', '-prefix', prefix, '-name', 'two')
    await using three = await kit.program('-v2', '-prefix', prefix, '-name', 'three')
    for (const { address } of [one, two, three]) expect((await keysOf(kit.etcd()).get(prefix + address))?.value).toBe(address)
    const found = registry(prefix)
    const listening = listen(found, 'book')
    await listening.shows([one, two, three].map(({ address }) => address).sort(), 20_000)
    await using client = createClient(Echo, { service: 'book', registry: found, retry: false })
    const answered = async (): Promise<string> => (await client.unary({ text: 'hi', payload: new Uint8Array(9), count: 4 })).text
    const who = new Set<string>()
    await until('all', async () => who.add(await answered()).size === 3, 20_000)
    expect([...who].sort()).toEqual(['one: hi', 'three: hi', 'two: hi'])
    await one.stop()
    await listening.shows([two.address, three.address].sort(), 20_000)
    await three.stop('SIGKILL')
    await listening.shows([two.address], 20_000)
    for (let i = 0; i < 20; i++) expect(await answered()).toBe('two: hi')
    await found.close()
  })
})

describe('a go-kit client in etcd v2', () => {
  it('finds our servers, goes round them, and loses no call when one stops', async () => {
    const prefix = '/services/echo/'
    const found = registry(prefix)
    const a = await startEcho({ who: 'a', registry: found, propagation: 500 })
    await using client = await kit.program('-v2', '-mode', 'call', '-prefix', prefix)
    const b = await startEcho({ who: 'b', registry: found, propagation: 500 })
    await until('b', async () => JSON.stringify(await client.ask('x')).includes('"b"'), 20_000)
    const turns: unknown[] = []
    for (let i = 0; i < 10; i++) turns.push(await client.ask('x'))
    expect(turns.filter((one) => JSON.stringify(one) === '{"text":"a"}')).toHaveLength(5)
    expect(turns.filter((one) => JSON.stringify(one) === '{"text":"b"}')).toHaveLength(5)
    const stopping = a.close()
    let stopped = false
    void stopping.then(() => {
      stopped = true
    })
    while (!stopped) expect(await client.ask('x')).toHaveProperty('text')
    for (let i = 0; i < 10; i++) expect(await client.ask('x')).toEqual({ text: 'b' })
    await b.close()
    await found.close()
  })
})

describe('go-micro v1 with go-plugins’ etcd registry', () => {
  it('sees our records come, change and go, and lists the service no more after the last', async () => {
    await using peer = await micro.program('-service', 'book')
    const ours = etcdV2({ endpoints: [kit.etcd().address] })
    const metadata = { region: 'north' }
    const endpoints = [
      { name: 'Say.Hello', request: { name: 'Req', type: 'Req', values: [{ name: 'name', type: 'string' }] }, metadata: {} },
    ]
    const instance = { id: 'book-1', service: 'book', address: '10.0.0.1:80', version: '1', metadata, endpoints }
    const registration = await ours.register(instance)
    const seen = (version: string) => ({
      name: 'book',
      version,
      endpoints: [expect.objectContaining({ name: 'Say.Hello' })],
      nodes: [{ id: 'book-1', address: '10.0.0.1:80', metadata: expect.objectContaining({ ...metadata, protocol: 'grpc' }) }],
    })
    expect(await peer.ask('next')).toMatchObject({ action: 'create', service: seen('1') })
    expect(await peer.ask('get book')).toMatchObject({ services: [seen('1')] })
    expect(await peer.ask('list')).toMatchObject({ services: [{ name: 'book' }] })
    await registration.update({ ...instance, version: '2' })
    expect(await peer.ask('next')).toMatchObject({ action: 'update', service: seen('2') })
    await registration.deregister()
    expect(await peer.ask('next')).toMatchObject({ action: 'delete', service: seen('2') })
    expect(await peer.ask('list')).toEqual({ services: null })
    await ours.close()
  })

  it('is seen by us with version, metadata and endpoints, and gone when it deregisters', async () => {
    await using peer = await micro.program()
    const ours = etcdV2({ endpoints: [kit.etcd().address] })
    const listening = listen(ours, 'shop/cart')
    await listening.shows([], 20_000)
    expect(await peer.ask('register shop/cart cart-1 10.0.0.1:80')).toEqual({})
    expect(await peer.ask('register shop/cart cart-2 10.0.0.2:80')).toEqual({})
    await listening.shows(['cart-1', 'cart-2'], 20_000)
    expect(listening.last[0]).toMatchObject({
      address: '10.0.0.1:80',
      version: '1.0',
      metadata: { about: 'service', protocol: 'mucp' },
      endpoints: [{ name: 'Say.Hello', request: { name: 'Req', type: 'Req' } }],
    })
    expect(await ours.services()).toEqual(['shop/cart'])
    expect(await peer.ask('deregister shop/cart cart-1')).toEqual({})
    await listening.shows(['cart-2'], 20_000)
    expect(await peer.ask('deregister shop/cart cart-2')).toEqual({})
    await listening.shows([], 20_000)
    expect(await peer.ask('register shop/cart cart-3 10.0.0.3:80')).toEqual({})
    await listening.shows(['cart-3'], 20_000)
    await ours.close()
  })
})
