import { describe, expect, it } from 'vitest'
import { etcd, goZero } from '../../../src/registries/etcd.ts'
import { listen } from '../../registries/etcd/bench.ts'
import { until } from '../../support/echo.ts'
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
