import { afterEach } from 'vitest'
import { type EtcdRegistry, type EtcdV2RegistryOptions, etcdV2 } from '../../../src/registries/etcd-v2.ts'
import { type EtcdProcess, type EtcdProcessOptions, startEtcd } from '../../support/etcd.ts'
import { using } from '../etcd/bench.ts'

const made: EtcdRegistry[] = []
afterEach(async () => {
  for (const registry of made.splice(0)) await registry.close()
})

/** A registry that is closed after the test. */
export function registryAt(address: string, options: EtcdV2RegistryOptions = {}): EtcdRegistry {
  const registry = etcdV2({ endpoints: [address], ...options })
  made.push(registry)
  return registry
}

/** An etcd with its v2 API, until the end of the test. */
export async function start(options: EtcdProcessOptions = {}): Promise<EtcdProcess> {
  return using(await startEtcd({ ...options, args: ['--enable-v2=true', ...(options.args ?? [])] }))
}
