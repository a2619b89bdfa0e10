import { afterAll, beforeAll, describe, it } from 'vitest'
import { type DevRegistry, startRegistry } from '../../src/dev/index.ts'
import { etcd } from '../../src/registries/etcd.ts'
import { registrySuite } from '../../src/testing/index.ts'

describe('the etcd registry on the embedded one', () => {
  let server: DevRegistry
  beforeAll(async () => {
    server = await startRegistry()
  })
  afterAll(() => server.close())

  const create = async () => etcd({ endpoints: [server.address] })
  for (const { name, run } of registrySuite({ create, another: create })) it(name, run)
})
