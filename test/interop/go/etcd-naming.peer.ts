import { describe, expect, it } from 'vitest'
import { createClient } from '../../../src/index.ts'
import { etcd, etcdNaming } from '../../../src/registries/etcd.ts'
import { Echo } from '../../gen/echo_pb.ts'
import { listen } from '../../registries/etcd/bench.ts'
import { startEcho, until } from '../../support/echo.ts'
import { between } from './program.ts'

const { etcd: server, program } = between('etcd-naming')
const registry = () => etcd({ endpoints: [server().address], layouts: [etcdNaming()] })

describe('grpc-go with the resolver of etcd', () => {
  it('balances over our servers at etcd:///echo, also over one that comes later and without one that leaves', async () => {
    const found = registry()
    const a = await startEcho({ who: 'a', registry: found, weight: 2, zone: 'z', propagation: 500 })
    await using client = await program('-target', 'echo')
    expect(await client.ask('x')).toEqual({ text: 'a' })
    const b = await startEcho({ who: 'b', registry: found, propagation: 500 })
    const seen = new Set<string>()
    await until('both', async () => seen.add(JSON.stringify(await client.ask('x'))).size === 2)
    expect([...seen].sort()).toEqual(['{"text":"a"}', '{"text":"b"}'])
    await a.close()
    for (let i = 0; i < 10; i++) expect(await client.ask('x')).toEqual({ text: 'b' })
    await b.close()
    await found.close()
  })
})

describe('what the endpoint manager of etcd writes', () => {
  it('is read and called, with its metadata, and gone when it is deleted', async () => {
    const found = registry()
    const listening = listen(found, 'echo')
    await using peer = await program('-mode', 'serve', '-target', 'echo')
    const id = `echo/${peer.address}`
    await listening.shows([id])
    expect(listening.last[0]).toMatchObject({ address: peer.address, zone: 'z1', metadata: { zone: 'z1' } })
    await using client = createClient(Echo, { service: 'echo', registry: found })
    expect((await client.unary({ text: 'hi' })).text).toBe('etcd-naming: hi')
    await peer.stop()
    await listening.shows([])
    listening.stop()
    await found.close()
  })
})
