import { expect, it } from 'vitest'
import { startRegistry } from '../../../src/dev/index.ts'
import { etcdClient } from '../../../src/etcd/index.ts'
import { etcd } from '../../../src/registries/etcd.ts'
import { etcdV2 } from '../../../src/registries/etcd-v2.ts'
import { failure } from '../../support/context.ts'
import { freePorts } from '../../support/etcd.ts'
import { instance, recordLog, registryAt, using } from './bench.ts'

async function embedded() {
  const dev = await startRegistry()
  using({ [Symbol.asyncDispose]: () => dev.close() })
  const client = etcdClient({ endpoints: [dev.address] })
  const admin = using({ ...client, [Symbol.asyncDispose]: () => client.close() })
  return { address: dev.address, admin }
}

it.each([etcd, etcdV2])('$name: a registry is closed though a `register()` waits for an etcd that does not come', async (create) => {
  const [port] = await freePorts(1)
  const registry = create({ endpoints: [`127.0.0.1:${port}`], timeout: 300, unreachable: 'wait' })
  const registering = failure(registry.register(instance('a')))
  await registry.close()
  expect((await registering).code).toBe('unavailable')
})

it('a registry that is closed while an instance is being deregistered leaves no record', async () => {
  const { address, admin } = await embedded()
  const registry = registryAt(address)
  const registration = await registry.register(instance('a'))
  void registration.deregister()
  await registry.close()
  expect((await admin.range({ prefix: '' })).count).toBe(0)
})

it.each([0, 100])(
  'a registry is closed though the holder of an id need not be heard of for an hour, %i ms after it was asked for',
  async (ms) => {
    const { address, admin } = await embedded()
    const other = await admin.grant(3_600_000)
    await admin.put('/micro/registry/book/a', JSON.stringify({ name: 'book', nodes: [{ id: 'a', address: '127.0.0.1:1' }] }), {
      lease: other.id,
    })
    const { lines, logger } = recordLog()
    const registry = etcd({ endpoints: [address], timeout: 500, ttl: 2000, logger })
    const registering = failure(registry.register(instance('a')))
    await new Promise((resolve) => setTimeout(resolve, ms))
    await Promise.all([registry.close(), registry.close()])
    await registering
    expect((await admin.range({ prefix: '' })).kvs.map(({ lease }) => lease)).toEqual([other.id])
    expect(lines).toContain(
      `warn etcd at ${address} was not done with 1 registrations when it was closed; what is left ends with its lease`,
    )
  },
)
