import { describe, expect, it } from 'vitest'
import { createClient } from '../../../src/index.ts'
import { etcd, etcdNaming, goKit, goMicro } from '../../../src/registries/etcd.ts'
import { grpc } from '../../../src/transports/grpc.ts'
import { mucp } from '../../../src/transports/mucp.ts'
import { Echo } from '../../gen/echo_pb.ts'
import { listen } from '../../registries/etcd/bench.ts'
import { startEcho, until } from '../../support/echo.ts'
import { between } from './program.ts'

const kit = between('go-kit')
const micro = between('go-micro-v2', { shared: kit.etcd })
const naming = between('etcd-naming', { shared: kit.etcd })
const registry = () => etcd({ endpoints: [kit.etcd().address], layouts: [goMicro(), goKit(), etcdNaming({ target: 'naming/{service}' })] })

describe('a server in several layouts', () => {
  it('is called by clients of go-kit, go-micro and etcd’s resolver, and by none of them once it has left', async () => {
    const found = registry()
    const ours = await startEcho({ who: 'ours', name: 'book', registry: found, propagation: 500 })
    await using kitClient = await kit.program('-mode', 'call', '-prefix', '/services/book/')
    await using microClient = await micro.program('-mode', 'call', '-name', 'book')
    await using namingClient = await naming.program('-mode', 'call', '-target', 'naming/book')
    const ask = JSON.stringify({ method: 'Echo.Unary', messages: [{ text: 'x' }] })
    expect(await kitClient.ask('x')).toEqual({ text: 'ours' })
    expect(await microClient.ask(ask)).toEqual({ messages: [{ text: 'ours' }], error: null })
    expect(await namingClient.ask('x')).toEqual({ text: 'ours' })
    await ours.close()
    expect(await kit.etcd().etcdctl('get', '--prefix', '', '--keys-only')).toBe('')
    expect(await kitClient.ask('x')).toMatchObject({ error: expect.stringContaining('no endpoints available') })
    await found.close()
  })
})

describe('a client in several layouts', () => {
  it('calls servers of go-kit, go-micro over gRPC and over mucp, and etcd’s endpoint manager as one service', async () => {
    const found = registry()
    await using _kit = await kit.program('-prefix', '/services/book/')
    await using _micro = await micro.program('-name', 'book')
    await using _mucp = await micro.program('-name', 'book', '-kind', 'mucp')
    await using _naming = await naming.program('-mode', 'serve', '-target', 'naming/book')
    await using client = createClient(Echo, { service: 'book', registry: found, transport: [grpc(), mucp()], retry: false })
    const listening = listen(found, 'book')
    await until('four instances', () => listening.last.length === 4)
    const who = new Set<string>()
    await until('all of them', async () => who.add((await client.unary({ text: 'x' })).text).size === 3)
    expect([...who].sort()).toEqual(['etcd-naming: x', 'go-kit: x', 'go-micro: x'])
    listening.stop()
    await found.close()
  })
})
