import { expect, it } from 'vitest'
import { RpcError } from '../../../src/error.ts'
import { silent } from '../../../src/logger.ts'
import { createStanding } from '../../../src/registries/etcd/standing.ts'
import { createUpkeep } from '../../../src/registries/etcd/upkeep.ts'
import { instance } from './bench.ts'

it('the wait for another try ends when the instance is deregistered', async () => {
  const standing = createStanding('etcd', () => instance('a'), silent)
  const taken = new RpcError('already_exists', 'another has it')
  let waits = 0
  const upkeep = createUpkeep({
    ...{ name: 'etcd', timeout: 1000, ttl: 1000, standing, id: () => 'a', closing: () => false },
    write: () => Promise.reject(taken),
    retry: {
      after() {
        waits += 1
        return new Promise(() => {})
      },
      reset() {},
    },
  })
  upkeep.heal(taken)
  await expect.poll(() => [standing.state, waits]).toEqual(['lost', 1])
  standing.enter('gone')
  await upkeep.idle()
})
