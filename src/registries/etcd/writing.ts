import { parseAddress } from '../../address.ts'
import { RpcError } from '../../error.ts'
import type { Compare, EtcdClient, Operation } from '../../etcd/index.ts'
import type { Instance } from '../../registry.ts'
import type { Layout } from './layout.ts'

/** The records of an instance, and how they are to be written. */
export interface Writing {
  readonly instance: Instance
  readonly lease: bigint
  /** Leases that it had before; what they keep is its own. */
  readonly former: readonly bigint[]
  /** The keys that are this registration's already; those that the instance no longer has are removed. */
  readonly owned: readonly string[]
  /** The lease that they were written with. */
  readonly ownedWith: bigint
  /** Somebody has overwritten what is this registration's: it is put back whoever has it now. */
  readonly force: boolean
  /** Called when another process has the id; it is then waited for to be renewed or to vanish. Without it that is an error at once. */
  readonly onTaken?: (() => void) | undefined
}

/** What was written. */
export interface Written {
  readonly revision: number
  readonly keys: readonly string[]
}

/**
 * Writes all records in one revision. A record that the lease of another process keeps alive is left alone (`already_exists`),
 * unless it has the very same address: then it is what a former process at this place has left behind.
 */
export async function writeRecords(client: EtcdClient, layouts: readonly Layout[], writing: Writing): Promise<Written> {
  const { instance, lease, former, owned, ownedWith, force, onTaken } = writing
  const records = new Map(layouts.map((layout) => [layout.key(instance), layout.encode(instance)]))
  const keys = [...records.keys()]
  const puts: Operation[] = [...records].map(([key, value]) => ({ put: key, value, lease }))
  const unused: Operation[] = owned.filter((key) => !records.has(key)).map((key) => ({ delete: { key } }))
  const failure: Operation[] = keys.map((key) => ({ get: { key } }))
  // What was written with another lease has most likely vanished with it.
  const there = (key: string): boolean => lease === ownedWith && owned.includes(key)
  let compare: Compare[] = force ? [] : keys.map((key) => (there(key) ? { key, lease } : { key, version: 0 }))
  for (let tries = 0; tries < 10; tries++) {
    const { succeeded, revision, results } = await client.txn({ compare, success: [...puts, ...unused], failure })
    if (succeeded) return { revision, keys }
    const found = new Map(results.flatMap((result) => ('get' in result ? result.get.kvs : [])).map((kv) => [kv.keyText, kv]))
    for (const kv of found.values()) {
      const other = [lease, ...former, 0n].includes(kv.lease) ? undefined : otherIn(layouts, instance, kv.keyText, kv.text)
      if (other === undefined) continue
      onTaken?.()
      if (onTaken === undefined || (await isRenewed(client, kv.lease))) throw taken(client, other)
    }
    compare = keys.map((key) => ({ key, modRevision: found.get(key)?.modRevision ?? 0 }))
  }
  throw new RpcError('aborted', `${client.name}: the records of ${instance.id} change again and again`)
}

/** Removes, in one revision, those of the records that still are with the lease. */
export async function removeRecords(client: EtcdClient, keys: readonly string[], lease: bigint): Promise<void> {
  await client.txn({ success: keys.map((key) => ({ txn: { compare: [{ key, lease }], success: [{ delete: { key } }] } })) })
}

/** The instance of the same id, but at another place, that a record tells of. */
export function otherIn(layouts: readonly Layout[], { id, service, address }: Instance, key: string, value: string): Instance | undefined {
  const all = layouts.flatMap((layout) => {
    try {
      return layout.decode(key, value, service).filter((one) => one.id === id && place(one.address) !== place(address))
    } catch {
      return []
    }
  })
  return all[0]
}

function place(address: string): string {
  const { host, port } = parseAddress(address)
  return `${host}:${port}`
}

/** Whether somebody renews a lease; resolves when that is seen, or when the lease is gone, so within its time to live. */
async function isRenewed(client: EtcdClient, lease: bigint): Promise<boolean> {
  const began = performance.now()
  const first = (await client.timeToLive(lease)).remaining
  for (let remaining = first; remaining >= 0; ) {
    await client.pause(500)
    const elapsed = performance.now() - began
    remaining = (await client.timeToLive(lease)).remaining
    // etcd tells whole seconds, and 0 for a while after the end.
    if (remaining > Math.max(0, first - elapsed + 1000)) return true
  }
  return false
}

function taken({ name }: EtcdClient, { id, service, address }: Instance): RpcError {
  return new RpcError('already_exists', `${name}: ${id} of "${service}" is registered by ${address}, which is alive; ids must be unique`)
}
