import { expect, it } from 'vitest'
import { startRegistry } from '../../../src/dev/index.ts'
import { etcdClient } from '../../../src/etcd/index.ts'
import { failure } from '../../support/context.ts'
import { instance, registryAt, using } from './bench.ts'

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
