import { afterAll, beforeAll, describe, it } from 'vitest'
import { etcdV2, goKit, goMicro } from '../../src/registries/etcd-v2.ts'
import { registrySuite } from '../../src/testing/registry.ts'
import { type EtcdProcess, etcdMissing, requireEtcd, startEtcd } from '../support/etcd.ts'

let server: EtcdProcess
beforeAll(async () => {
  if (etcdMissing() === undefined) server = await startEtcd({ args: ['--enable-v2=true'] })
})
afterAll(() => server?.stop())

const create = async () => etcdV2({ endpoints: [server.address] })

describe('etcd v2 (suite)', () => {
  for (const { name, run } of registrySuite({ create, another: create })) {
    it(name, async (ctx) => {
      requireEtcd(ctx)
      await run()
    })
  }
})

describe('etcd v2 with two layouts (suite)', () => {
  const both = async () => etcdV2({ endpoints: [server.address], layouts: [goMicro(), goKit({ prefix: '/kit/{service}/' })] })
  for (const { name, run } of registrySuite({ create: both, another: create })) {
    it(name, async (ctx) => {
      requireEtcd(ctx)
      await run()
    })
  }
})
