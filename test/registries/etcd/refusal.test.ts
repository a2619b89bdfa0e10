import { expect, it } from 'vitest'
import { startRegistry } from '../../../src/dev/index.ts'
import { etcdClient } from '../../../src/etcd/index.ts'
import { failure } from '../../support/context.ts'
import { until } from '../../support/echo.ts'
import { requireEtcd, startEtcd } from '../../support/etcd.ts'
import { startProxy } from '../../support/proxy.ts'
import { instance, registryAt, statesOf, using } from './bench.ts'

it('an update that etcd refuses changes nothing: what is put back later is what was there', async () => {
  const dev = await startRegistry()
  using({ [Symbol.asyncDispose]: () => dev.close() })
  const client = etcdClient({ endpoints: [dev.address] })
  const admin = using({ ...client, [Symbol.asyncDispose]: () => client.close() })
  const record = async () => (await admin.range({ prefix: '' })).kvs[0]?.text
  const registration = await registryAt(dev.address).register(instance('a'))
  const before = await record()
  const large = { large: 'x'.repeat(2_000_000) }
  expect((await failure(registration.update(instance('a', { metadata: large })))).code).toBe('invalid_argument')
  expect(registration.instance.metadata).toBeUndefined()
  await admin.delete({ prefix: '' })
  await expect.poll(record, { timeout: 10_000 }).toBe(before)
})

it('a lease that is lost while an update is tried again and again is known to be lost, and the record is put back though the update is refused', async (ctx) => {
  requireEtcd(ctx)
  const etcd = using(await startEtcd())
  const proxy = using(await startProxy(etcd.address))
  const client = etcdClient({ endpoints: [etcd.address] })
  const admin = using({ ...client, [Symbol.asyncDispose]: () => client.close() })
  const registry = registryAt(proxy.address, { ttl: 2000, timeout: 500 })
  const registration = await registry.register(instance('a', { version: '1' }))
  const states = statesOf(registration)
  proxy.cut({ refuse: true })
  const huge = instance('a', { version: '2', metadata: { huge: 'x'.repeat(1_800_000) } })
  expect((await failure(registration.update(huge))).code).toBe('unavailable')
  await until('the loss', () => states.length > 0)
  await until('the end of the lease', async () => (await admin.leases()).length === 0)
  proxy.heal()
  await until('it to be back', () => states.length > 1)
  expect(states.map(([state]) => state)).toEqual(['healing', 'registered'])
  expect((await admin.get('/micro/registry/book/a'))?.text).toContain('"version":"1"')
})
