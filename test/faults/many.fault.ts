import { describe, expect, it } from 'vitest'
import { etcdClient } from '../../src/etcd/index.ts'
import type { RegistrationState } from '../../src/index.ts'
import { etcd } from '../../src/registries/etcd.ts'
import { until } from '../support/echo.ts'
import { type EtcdProcess, requireEtcd, startEtcd } from '../support/etcd.ts'
import { received } from './meter.ts'
import { follow, startProbe } from './recovery.ts'
import { patience } from './scene.ts'

const count = 10_000
/** Within which all are back, counted from when etcd answers: a second, the jitter, and what a machine that does other things may be late. */
const bound = 1000 + 500 + 3000
/** Written 128 at a time, that is 79; some set out with a lease that is gone, and some while there is nobody to answer. */
const most = 400
const prefix = '/micro/registry/many/'

type Admin = ReturnType<typeof etcdClient>

/** What happens to them; then all must be back, each written once, and etcd not have been asked much more often than it takes. */
function faultOfMany(name: string, play: (server: EtcdProcess, admin: Admin) => Promise<unknown>): void {
  it(name, async (ctx) => {
    requireEtcd(ctx)
    const server = await startEtcd()
    const admin = etcdClient({ endpoints: [server.address], timeout: patience })
    const url = `http://${server.address}`
    const registry = etcd({ endpoints: [server.address], timeout: patience })
    const probe = startProbe([url])
    try {
      const all = await Promise.all(
        Array.from({ length: count }, (_, i) => registry.register({ id: `${i}`, service: 'many', address: `127.0.0.1:${i + 1}` })),
      )
      const told = all.map((one) => follow<RegistrationState>(one.instance.id, probe, (state) => state === 'registered', one.onState))
      const before = await received(url)
      await play(server, admin)
      await until('all to be back', () => told.every((one) => one.told.at(-1) === 'registered'), patience)
      const after = await received(url)
      for (const one of told) expect(one.told).toEqual(['healing', 'registered'])
      // A member that was restarted counts from 0.
      const requests = after - (after > before ? before : 0)
      expect(requests).toBeLessThan(most)
      const { kvs } = await admin.range({ prefix })
      expect(new Set(kvs.map(({ keyText, version }) => `${keyText} ${version}`)).size).toBe(count)
      expect(kvs.filter(({ version }) => version !== 1)).toEqual([])
      expect(await admin.leases()).toEqual([kvs[0]?.lease])
      const slowest = Math.max(...told.flatMap(({ recoveries }) => recoveries.map(({ ms }) => ms)))
      expect(slowest).toBeLessThan(bound)
    } finally {
      await probe.stop()
      await registry.close()
      await admin.close()
      await server.stop()
    }
  })
}

describe('10,000 instances of one process', () => {
  faultOfMany('their lease revoked behind their back', async (_, admin) => admin.revoke((await admin.leases())[0] ?? 0n))
  faultOfMany('all their keys deleted by someone', (_, admin) => admin.delete({ prefix }))
  faultOfMany('etcd killed, and back with an empty data directory', (server) => server.restart({ empty: true }))
})
