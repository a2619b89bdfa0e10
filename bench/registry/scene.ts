import { type EtcdClient, etcdClient } from '../../dist/etcd/index.js'
import { type EtcdProcess, startEtcd } from '../../test/support/etcd.ts'
import { type Fleet, goKitFleet, moleculerFleet } from './fleet.ts'
import { buildGo, killAll } from './program.ts'

/** How much is measured. */
export interface Extent {
  /** The most instances. */
  readonly max: number
  /** Whether it works, rather than how well. */
  readonly quick: boolean
  note(text: string): void
}

/** What every part of the bench works with. */
export interface Scene extends Extent {
  readonly etcd: EtcdProcess
  /** The bench's own, for writing. */
  readonly client: EtcdClient
  readonly goKitFleet: Fleet
  readonly moleculerFleet: Fleet
  /** Why there are no listeners in Go; undefined where there are. */
  readonly goMissing: string | undefined
  end(): Promise<void>
}

/** Starts etcd and builds what has to be built. */
export async function openScene(extent: Extent): Promise<Scene> {
  const goMissing = buildGo()
  if (goMissing !== undefined) extent.note(`go-kit and the bare watch are left out: ${goMissing}`)
  const etcd = await startEtcd()
  const client = etcdClient({ endpoints: [etcd.address] })
  process.once('exit', killAll)
  return {
    ...extent,
    etcd,
    client,
    goKitFleet: goKitFleet(client, '/services/bench/'),
    moleculerFleet: moleculerFleet(client),
    goMissing,
    async end() {
      killAll()
      await client.close()
      await etcd.stop()
    },
  }
}
