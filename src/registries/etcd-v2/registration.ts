import { RpcError } from '../../error.ts'
import type { Instance, Registration } from '../../registry.ts'
import { createGuard } from '../etcd/guard.ts'
import type { RecordSettings } from '../etcd/options.ts'
import type { Ties } from '../etcd/registry.ts'
import { createRetry } from '../etcd/retry.ts'
import { about, checkUpdate, createStanding } from '../etcd/standing.ts'
import type { Store } from '../etcd/store.ts'
import { type Attempt, createUpkeep } from '../etcd/upkeep.ts'
import type { Keys } from './keys.ts'
import type { DirectoryLayout } from './layout.ts'
import type { Link } from './link.ts'
import { recordsOf, writeRecords } from './writing.ts'

/** What a registration needs. */
export interface RegistrationOptions
  extends Ties,
    Pick<RecordSettings, 'layouts' | 'ttl' | 'heartbeat' | 'wait' | 'clock' | 'random' | 'logger'> {
  readonly link: Link
  readonly keys: Keys
  readonly store: Store
  readonly layouts: readonly DirectoryLayout[]
}

/**
 * Registers one instance: its records are keys that vanish when they are not refreshed. Whoever deletes or overwrites one is noticed by a
 * watch, and by the next refresh. Rejects where etcd refuses or cannot be reached within the link's `timeout`.
 */
export async function createRegistration(first: Instance, options: RegistrationOptions): Promise<Registration> {
  const { link, keys, store, layouts, ttl, heartbeat, clock, logger } = options
  const { name } = link
  const writer = { name, keys, layouts, ttl, pause: link.pause }
  const retry = createRetry(link, options.random)
  const beatRetry = createRetry(link, options.random)
  const guard = createGuard(store, logger, () => beatAfter(0))
  let instance = first
  const standing = createStanding(name, () => instance, logger)
  const upkeep = createUpkeep({ name, timeout: link.timeout, ttl, retry, standing, write, id: () => instance.id, closing: options.closing })
  let written = recordsOf(layouts, first)
  /** On the monotonic clock: until then etcd has the records, unless somebody has removed them. */
  let heldUntil = 0
  let callOffBeat = (): void => {}

  async function write(attempt: Attempt): Promise<void> {
    const records = recordsOf(layouts, instance)
    const began = clock.now()
    const index = await writeRecords(writer, records, { ...attempt, instance, own: written })
    for (const [key, value] of written) if (!records.has(key)) await keys.remove(key, value)
    written = records
    heldUntil = began + ttl
    guard.set([...records.keys()], index + 1)
    beatAfter(heartbeat)
  }

  function beatAfter(ms: number): void {
    callOffBeat()
    callOffBeat = clock.after(ms, () => void upkeep.inTurn(beat))
  }

  /** Gives the records their whole time again; puts them back where they are not what they should be. */
  async function beat(): Promise<void> {
    if (standing.state !== 'registered') return
    const began = clock.now()
    let key = ''
    try {
      let value: string
      for ([key, value] of written) await keys.refresh(key, value, ttl, Math.min(link.timeout, Math.max(100, heldUntil - clock.now())))
      heldUntil = began + ttl
      beatRetry.reset()
      beatAfter(heartbeat)
    } catch (thrown) {
      const error = RpcError.from(thrown)
      const what = { not_found: 'was deleted', aborted: 'was overwritten; ids must be unique' }[error.code as string]
      const held = clock.now() < heldUntil
      const before = written
      const due = (): boolean => written === before
      if (what !== undefined)
        upkeep.heal(new RpcError('aborted', `${name}: ${key} ${what}`), { force: held && error.code === 'aborted', due })
      else if (held) void beatRetry.after(error).then(() => beatAfter(0))
      else upkeep.heal(error, { due })
    }
  }

  async function end(): Promise<void> {
    const removed = upkeep.inTurn(async () => {
      callOffBeat()
      guard.stop()
      try {
        for (const [key, value] of [...written, ...recordsOf(layouts, instance)]) await keys.remove(key, value)
        for (const { prune, prefix } of layouts) if (prune) await keys.prune(prefix(instance.service))
      } catch (error) {
        const text = `${instance.id} could not be removed; it vanishes within ${ttl} ms: ${(error as Error).message}`
        logger.warn({ ...about(instance), err: error }, text)
      }
    })
    options.ended(removed)
    await removed
  }

  try {
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
