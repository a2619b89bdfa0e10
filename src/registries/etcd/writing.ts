import { parseAddress } from '../../address.ts'
import { RpcError } from '../../error.ts'
import type { EtcdClient } from '../../etcd/index.ts'
import type { Instance } from '../../registry.ts'
import type { Batches } from './batches.ts'
import type { Condition } from './change.ts'
import type { Layout } from './layout.ts'
import type { Renewals } from './renewals.ts'
import type { Attempt } from './upkeep.ts'

/** What records are written with. */
export interface Writer {
  readonly client: Pick<EtcdClient, 'name'>
  readonly batches: Batches
  readonly renewals: Renewals
  readonly layouts: readonly Layout[]
}

/** The records of an instance, and how they are to be written. */
export interface Writing extends Attempt {
  readonly instance: Instance
  readonly lease: bigint
  /** Leases that it had before; what they keep is its own. */
  readonly former: readonly bigint[]
  /** The keys that are this registration's already; those that the instance no longer has are removed. */
  readonly owned: readonly string[]
  /** The lease that they were written with. */
  readonly ownedWith: bigint
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
export async function writeRecords({ client, batches, renewals, layouts }: Writer, writing: Writing): Promise<Written> {
  const { instance, lease, former, owned, ownedWith, force, onTaken } = writing
  const records = new Map(layouts.map((layout) => [layout.key(instance), layout.encode(instance)]))
  const keys = [...records.keys()]
  const unused = owned.filter((key) => !records.has(key))
  // What was written with another lease has most likely vanished with it.
  const there = (key: string): boolean => lease === ownedWith && owned.includes(key)
  let conditions: Condition[] = force ? [] : keys.map((key) => (there(key) ? { key, lease } : { key, version: 0 }))
  for (let tries = 0; tries < 10; tries++) {
    const { succeeded, revision, found } = await batches.change({ conditions, puts: records, lease, deletes: unused })
    if (succeeded) return { revision, keys }
    for (const kv of found) {
      const other = [lease, ...former, 0n].includes(kv.lease) ? undefined : otherIn(layouts, instance, kv.keyText, kv.text)
      if (other === undefined) continue
      onTaken?.()
      if (onTaken === undefined || (await renewals.seen(kv.lease))) throw taken(client, other)
    }
    conditions = keys.map((key) => ({ key, modRevision: found.find(({ keyText }) => keyText === key)?.modRevision ?? 0 }))
  }
  throw new RpcError('aborted', `${client.name}: the records of ${instance.id} change again and again`)
}

/** Removes those of the records that still are with the lease. */
export async function removeRecords({ batches }: Pick<Writer, 'batches'>, keys: readonly string[], lease: bigint): Promise<void> {
  for (let left = keys; left.length > 0; ) {
    const { succeeded, found } = await batches.change({ conditions: left.map((key) => ({ key, lease })), deletes: left })
    if (succeeded) return
    left = found.filter((kv) => kv.lease === lease).map(({ keyText }) => keyText)
  }
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

function taken({ name }: Writer['client'], { id, service, address }: Instance): RpcError {
  return new RpcError('already_exists', `${name}: ${id} of "${service}" is registered by ${address}, which is alive; ids must be unique`)
}
