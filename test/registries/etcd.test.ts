import { afterAll, beforeAll, describe, it } from 'vitest'
import { etcd, goKit, goMicro } from '../../src/registries/etcd.ts'
import { registrySuite } from '../../src/testing/registry.ts'
import { type EtcdProcess, etcdMissing, requireEtcd, startEtcd } from '../support/etcd.ts'

let server: EtcdProcess
beforeAll(async () => {
  if (etcdMissing() === undefined) server = await startEtcd()
})
afterAll(() => server?.stop())

const create = async () => etcd({ endpoints: [server.address] })

describe('etcd (suite)', () => {
  for (const { name, run } of registrySuite({ create, another: create })) {
    it(name, async (ctx) => {
      requireEtcd(ctx)
      await run()
    })
  }
})

describe('etcd with two layouts (suite)', () => {
  const both = async () => etcd({ endpoints: [server.address], layouts: [goMicro(), goKit({ prefix: '/kit/{service}/' })] })
  for (const { name, run } of registrySuite({ create: both, another: create })) {
    it(name, async (ctx) => {
      requireEtcd(ctx)
      await run()
    })
  }
})
