import type { Clock } from '../../clock.ts'
import { RpcError } from '../../error.ts'
import type { EtcdClient, Lease } from '../../etcd/index.ts'
import type { Logger } from '../../logger.ts'
import type { Instance, Registration } from '../../registry.ts'
import type { Batches } from './batches.ts'
import { createGuard } from './guard.ts'
import type { Layout } from './layout.ts'
import type { Lookout } from './lookout.ts'
import type { Recess } from './recess.ts'
import type { Ties } from './registry.ts'
import type { Renewals } from './renewals.ts'
import { createRetry } from './retry.ts'
import { about, checkUpdate, createStanding } from './standing.ts'
import type { KeyWatchOptions } from './store.ts'
import type { Tenancy } from './tenancy.ts'
import { type Attempt, createUpkeep } from './upkeep.ts'
import { removeRecords, writeRecords } from './writing.ts'

/** What a registration needs. */
export interface RegistrationOptions extends Ties {
  readonly client: EtcdClient
  readonly layouts: readonly Layout[]
  /** Whether the first writing waits for an etcd that cannot be reached, instead of failing after the client's `timeout`. */
  readonly wait: boolean
  /** Of the lease, in milliseconds. */
  readonly ttl: number
  readonly tenancy: Tenancy
  readonly batches: Batches
  readonly renewals: Renewals
  readonly recess: Recess
  readonly lookout: Lookout
  readonly clock: Clock
  readonly random: () => number
  readonly logger: Logger
}

/**
 * Registers one instance under the lease that it shares with the other registrations of the registry. Rejects where etcd refuses or
 * cannot be reached within the client's `timeout`.
 */
export async function createRegistration(first: Instance, options: RegistrationOptions): Promise<Registration> {
  const { client, batches, lookout, layouts, logger, ttl, tenancy } = options
  const name = `${first.service}\0${first.id}`
  const retry = createRetry(options.recess, options.random)
  const guarded = { name: client.name, watch: (what: KeyWatchOptions) => lookout.watch(what, lease?.id ?? 0n) }
  const guard = createGuard(guarded, logger, ({ cause, revision: at, lease: holder, overwritten }) => {
    const seen = writings
    if (holder !== undefined && holder === lease?.id) return
    const due = (): boolean => {
      const needed = at === undefined ? writings === seen : at > revision
      // It was removed, so it is not expected to be there.
      if (needed && at !== undefined && holder === undefined) ownedWith = 0n
      return needed
    }
    upkeep.heal(cause(), { force: overwritten && lease?.state === 'held', due })
  })
  let instance = first
  const standing = createStanding(client.name, () => instance, logger)
  const upkeep = createUpkeep({
    ...{ name: client.name, timeout: client.timeout, ttl, retry, standing, write },
    id: () => instance.id,
    movedAt: () => batches.movedAt,
    closing: options.closing,
  })
  let lease: Lease | undefined
  let callOffLost = (): void => {}
  /** Of the last writing; what others did to the records before it does not matter. */
  let revision = 0
  let written: readonly string[] = []
  let ownedWith = 0n
  /** The last few leases that were lost: etcd may still have them, with the records as they were. */
  let former: readonly bigint[] = []
  /** Whether the last writing may still be done, though it failed. */
  let uncertain = false
  /** How many writings were done. */
  let writings = 0

  /** Writes all records in one revision and removes those that are no longer used. */
  async function write(attempt: Attempt, tries = 3): Promise<void> {
    const held = await tenancy.lease()
    if (held !== lease) {
      if (lease !== undefined) former = [...former.slice(-7), lease.id]
      lease = held
      callOffLost()
      callOffLost = held.onLost((error) => upkeep.heal(error, { due: () => ownedWith === held.id || ownedWith === 0n }))
      // With a new lease the store may be a new one, too, whose revisions have nothing to do with the former's.
      guard.stop()
    }
    try {
      const done = await writeRecords(options, { instance, lease: held.id, former, owned: written, ownedWith, ...attempt })
      uncertain = false
      revision = done.revision
      written = done.keys
      ownedWith = held.id
    } catch (thrown) {
      const { code, unprocessed } = RpcError.from(thrown)
      uncertain ||= unclear.has(code) && !unprocessed
      // The lease expired or was revoked, and the keep-alive has not heard of it yet.
      if (tries === 1 || code !== 'not_found') throw thrown
      tenancy.disown(held)
      await write(attempt, tries - 1)
      return
    }
    guard.set(written, revision + 1)
    writings += 1
  }

  async function end(): Promise<void> {
    const removed = upkeep.inTurn(async () => {
      guard.stop()
      callOffLost()
      await remove().catch((error: RpcError) => {
        logger.warn({ ...about(instance), err: error }, `${instance.id} could not be removed yet: ${error.message}`)
        void removeLater(error)
      })
    })
    options.ended(removed)
    tenancy.leave(name, removed)
    await removed
    // What was sent before may be done after.
    if (uncertain) options.clock.after(2 * client.timeout, () => void removeLater())
  }

  async function remove(): Promise<void> {
    if ((await tenancy.clear()) || lease === undefined) return
    const { id } = lease
    const keys = new Set([...written, ...layouts.map((layout) => layout.key(instance))])
    await removeRecords(options, [...keys], id)
  }

  /** Until it is done; or has become somebody else's business, or nobody's. */
  async function removeLater(reason?: RpcError): Promise<void> {
    if (reason?.code === 'canceled') return
    if (reason !== undefined) await retry.after(reason)
    if (!tenancy.has(name)) await remove().catch(removeLater)
  }

  try {
    await tenancy.enter(name)
    await upkeep.writeInTime(options.wait)
  } catch (error) {
    standing.abandon()
    void end()
    throw error
  }
  return {
    get instance() {
      return instance
    },
    get state() {
      return standing.state
    },
    async update(next) {
      checkUpdate(instance, next, standing.state)
      const before = instance
      instance = next
      await upkeep.updateInTime(() => {
        if (instance === next) instance = before
      })
    },
    async deregister() {
      if (standing.state === 'gone') return upkeep.idle()
      standing.enter('gone')
      await end()
    },
    onState: standing.onState,
  }
}

/** Codes that leave it open whether a writing was done. */
const unclear: ReadonlySet<string> = new Set(['unavailable', 'deadline_exceeded', 'canceled', 'unknown'])
