import { describe, expect, it } from 'vitest'
import { etcd, rpcx } from '../../../src/registries/etcd.ts'
import { listen } from '../../registries/etcd/bench.ts'
import { until } from '../../support/echo.ts'
import { between, type Program } from './program.ts'

const { etcd: server, program } = between('rpcx')
const service = 'Arith'

/** Resolves when rpcx's discovery has these instances, with this metadata. */
const sees = (peer: Program, found: Record<string, string>) =>
  until(JSON.stringify(found), async () => JSON.stringify(await peer.ask('list')) === JSON.stringify({ found }), 20_000)

describe.each(['/rpcx_test', 'rpcx'])('rpcx with the base path %s', (basePath) => {
  const start = () => program('-base', basePath, '-service', service)
  const registry = () => etcd({ endpoints: [server().address], layouts: [rpcx({ basePath })] })

  it('registers what we find, with weight and metadata; what is made inactive or stops is gone', async () => {
    await using peer = await start()
    const found = registry()
    const listening = listen(found, service)
    await peer.ask('register tcp@127.0.0.1:80 weight=3&group=a%2Bb+~%2A')
    await peer.ask('register http@127.0.0.1:81')
    const id = (address: string) => `${basePath}/${service}/${address}`
    await listening.shows([id('http@127.0.0.1:81'), id('tcp@127.0.0.1:80')])
    const both = listening.last
    expect(both[1]).toMatchObject({ service, address: '127.0.0.1:80', weight: 3, metadata: { group: 'a+b ~*' } })
    expect(both[0]).toMatchObject({ service, address: '127.0.0.1:81' })
    expect(await found.services()).toEqual([service])
    await until('what rpcx writes by and by', () => listening.last.every(({ metadata }) => metadata?.calls === '0.00'))
    expect(listening.last[1]).toMatchObject({ weight: 3, metadata: { group: 'a+b ~*' } })
    await server().etcdctl('put', id('tcp@127.0.0.1:80'), 'weight=3&state=inactive')
    await listening.shows([id('http@127.0.0.1:81')])
    await peer.ask('stop http@127.0.0.1:81')
    await listening.shows([])
    await found.close()
  })

  it('discovers what we register, change and deregister', async () => {
    await using peer = await start()
    const ours = registry()
    const metadata = { group: 'a+b ~*', ü: "'()!-_." }
    const a = await ours.register({ id: 'a', service, address: '127.0.0.1:80', version: 'v2', zone: 'z', weight: 3, metadata })
    const b = await ours.register({ id: 'b', service, address: '127.0.0.1:81' })
    const query = 'group=a%2Bb+~%2A&version=v2&weight=3&zone=z&%C3%BC=%27%28%29%21-_.'
    await sees(peer, { 'tcp@127.0.0.1:80': query, 'tcp@127.0.0.1:81': '' })
    await a.update({ ...a.instance, weight: 4 })
    await sees(peer, { 'tcp@127.0.0.1:80': query.replace('weight=3', 'weight=4'), 'tcp@127.0.0.1:81': '' })
    await a.deregister()
    await sees(peer, { 'tcp@127.0.0.1:81': '' })
    await b.deregister()
    await sees(peer, {})
    await ours.close()
  })
})
