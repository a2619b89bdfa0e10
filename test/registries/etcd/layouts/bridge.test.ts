import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { etcdNaming, goKit, goMicro, goZero, kitex, kratos, rpcx } from '../../../../src/registries/etcd.ts'
import { type EtcdProcess, etcdMissing, requireEtcd, startEtcd } from '../../../support/etcd.ts'
import { instance, listen, recordLog, registryAt } from '../bench.ts'

let server: EtcdProcess
beforeAll(async () => {
  if (etcdMissing() === undefined) server = await startEtcd()
})
afterAll(() => server?.stop())

// go-zero's and etcd's own prefix would be one and the same by default.
const layouts = [
  goMicro(),
  goKit(),
  etcdNaming({ target: 'naming/{service}' }),
  kratos(),
  goZero({ key: 'zero.{service}' }),
  kitex(),
  rpcx(),
]

describe('a bridge between fleets', () => {
  it('writes an instance for all of them at once, each of which sees it, and reads it once', async (ctx) => {
    requireEtcd(ctx)
    const { lines, logger } = recordLog()
    const bridge = registryAt(server.address, { layouts, logger })
    const registration = await bridge.register(instance('book-1', { address: '10.0.0.1:80', version: 'v1', weight: 2 }))
    const { kvs } = JSON.parse(await server.etcdctl('get', '--prefix', '', '-w', 'json'))
    expect(kvs).toHaveLength(layouts.length)
    expect(new Set(kvs.map((kv: { mod_revision: number }) => kv.mod_revision)).size).toBe(1)
    const listening = listen(bridge)
    await listening.shows(['book-1'])
    expect(await bridge.services()).toEqual(['book'])
    for (const layout of layouts) {
      const one = listen(registryAt(server.address, { layouts: [layout], logger }))
      await expect.poll(() => one.last.map(({ address }) => address), { timeout: 5000 }).toEqual(['10.0.0.1:80'])
      await registration.update(instance('book-1', { address: '10.0.0.1:81' }))
      await expect.poll(() => one.last.map(({ address }) => address), { timeout: 5000 }).toEqual(['10.0.0.1:81'])
      await registration.update(instance('book-1', { address: '10.0.0.1:80' }))
    }
    await registration.deregister()
    expect(await server.etcdctl('get', '--prefix', '')).toBe('')
    await listening.shows([])
    expect(lines.filter((line) => line.startsWith('warn'))).toEqual([])
  })
})
