import type { TestContext } from 'vitest'
import { startRegistry } from '../../src/dev/index.ts'
import { requireEtcd, startEtcd } from '../support/etcd.ts'
import { type Peer, peer } from './peer.ts'

/** Runs with a client of the embedded registry and one of etcd, both empty. Skips the test, with the reason, where there is no etcd. */
export async function besideEtcd(context: TestContext, body: (ours: Peer, theirs: Peer) => Promise<void>): Promise<void> {
  requireEtcd(context)
  await using etcd = await startEtcd()
  const registry = await startRegistry()
  const [ours, theirs] = [peer(registry.address), peer(etcd.address)]
  try {
    await body(ours, theirs)
  } finally {
    ours.close()
    theirs.close()
    await registry.close()
  }
}
