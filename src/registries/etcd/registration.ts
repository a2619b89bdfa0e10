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
import type { Renewals } from './renewals.ts'
import { createRetry, passing } from './retry.ts'
import { about, checkUpdate, createStanding } from './standing.ts'
import type { KeyWatchOptions } from './store.ts'
import type { Tenancy } from './tenancy.ts'
import { removeRecords, writeRecords } from './writing.ts'

/** What a registration needs. */
export interface RegistrationOptions {
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
  /** Called when the registration has come to its end. */
  ended(): void
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
    const robbed = overwritten && lease?.state === 'held'
    const needed = (): boolean => (at === undefined ? writings === seen : at > revision)
    heal(cause(), needed, { force: robbed, removed: at !== undefined && holder === undefined })
  })
  let instance = first
  const standing = createStanding(client.name, () => instance, logger)
  const { enter } = standing
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
  /** Why the last writing failed, if it did. */
  let trouble: RpcError | undefined
  let backAt = Number.NEGATIVE_INFINITY
  /** The writings, one after the other. */
  let work: Promise<unknown> = Promise.resolve()

  const gone = (): boolean => standing.state === 'gone'

  function inTurn(task: () => Promise<void>): Promise<void> {
    const result = work.then(task)
    work = result.catch(() => {})
    return result
  }

  /** Writes all records in one revision and removes those that are no longer used. */
  async function write({ force = false, onTaken }: { force?: boolean; onTaken?: () => void } = {}, tries = 3): Promise<void> {
    const held = await tenancy.lease()
    if (held !== lease) {
      if (lease !== undefined) former = [...former.slice(-7), lease.id]
      lease = held
      callOffLost()
      callOffLost = held.onLost((error) => heal(error, () => lease === held))
      // With a new lease the store may be a new one, too, whose revisions have nothing to do with the former's.
      guard.stop()
    }
    try {
      const done = await writeRecords(options, { instance, lease: held.id, former, owned: written, ownedWith, force, onTaken })
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
      await write({ force, ...(onTaken && { onTaken }) }, tries - 1)
      return
    }
    guard.set(written, revision + 1)
    writings += 1
    trouble = undefined
    enter('registered')
  }

  /** Puts the records back, for as long as it takes, if that is still `needed` when its turn has come. */
  function heal(cause: RpcError, needed: () => boolean, { force = false, removed = false } = {}): void {
    void inTurn(async () => {
      if (gone() || !needed()) return
      enter('healing', cause)
      // Whoever undoes it again and again meets a growing delay.
      if (performance.now() - backAt > ttl) retry.reset()
      else await retry.after(cause)
      // So it is not expected to be there.
      if (removed) ownedWith = 0n
      while (!gone()) {
        try {
          await write({ force })
          backAt = performance.now()
          return
        } catch (thrown) {
          trouble = RpcError.from(thrown)
          if (trouble.code === 'canceled') return
          if (!passing.has(trouble.code)) enter('lost', trouble)
          await retry.after(trouble)
        }
      }
    })
  }

  /** Writes within the client's `timeout`, unless it is to `wait` for etcd, and keeps the process alive meanwhile. */
  function writeInTime(wait = false): Promise<void> {
    return new Promise((resolve, reject) => {
      const giveUp = (): void => {
        const patience = batches.movedAt + client.timeout - performance.now()
        // Others are served, so etcd answers, and the turn of this one will come.
        if (patience > 0) timer = setTimeout(giveUp, patience)
        else reject(trouble ?? new RpcError('deadline_exceeded', `${client.name}: no answer for ${client.timeout} ms`, { outbound: true }))
      }
      let timer = wait ? setInterval(() => {}, 60_000) : setTimeout(giveUp, client.timeout)
      // Whoever has the id may be dead, which takes its lease to tell.
      const onTaken = (): void => {
        if (wait) return
        clearTimeout(timer)
        timer = setTimeout(giveUp, client.timeout + 2 * ttl)
      }
      const attempt = async (): Promise<void> => {
        while (!gone()) {
          try {
            await write({ onTaken })
            return
          } catch (thrown) {
            trouble = RpcError.from(thrown)
            if (trouble.code !== 'unavailable' && !(wait && trouble.code === 'deadline_exceeded')) throw trouble
            await retry.after(trouble)
          }
        }
        throw new RpcError('canceled', `${instance.id} has been deregistered`)
      }
      void inTurn(attempt)
        .then(resolve, reject)
        .finally(() => clearTimeout(timer))
    })
  }

  async function end(): Promise<void> {
    options.ended()
    const removed = inTurn(async () => {
      guard.stop()
      callOffLost()
      await remove().catch((error: RpcError) => {
        logger.warn({ ...about(instance), err: error }, `${instance.id} could not be removed yet: ${error.message}`)
        void removeLater(error)
      })
    })
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
    await writeInTime(options.wait)
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
      instance = next
      await writeInTime()
    },
    async deregister() {
      if (gone()) return work.then(() => {})
      enter('gone')
      await end()
    },
    onState: standing.onState,
  }
}

/** Codes that leave it open whether a writing was done. */
const unclear: ReadonlySet<string> = new Set(['unavailable', 'deadline_exceeded', 'canceled', 'unknown'])
