import { RpcError } from '../../error.ts'
import type { Instance, Registration } from '../../registry.ts'
import { createGuard } from '../etcd/guard.ts'
import type { RecordSettings } from '../etcd/options.ts'
import { createRetry, passing } from '../etcd/retry.ts'
import { about, checkUpdate, createStanding } from '../etcd/standing.ts'
import type { Store } from '../etcd/store.ts'
import type { Keys } from './keys.ts'
import type { DirectoryLayout } from './layout.ts'
import type { Link } from './link.ts'
import { recordsOf, type Writing, writeRecords } from './writing.ts'

/** What a registration needs. */
export interface RegistrationOptions
  extends Pick<RecordSettings, 'layouts' | 'ttl' | 'heartbeat' | 'wait' | 'clock' | 'random' | 'logger'> {
  readonly link: Link
  readonly keys: Keys
  readonly store: Store
  readonly layouts: readonly DirectoryLayout[]
  /** Called when the registration has come to its end. */
  ended(): void
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
  const { enter } = standing
  let written = recordsOf(layouts, first)
  /** On the monotonic clock: until then etcd has the records, unless somebody has removed them. */
  let heldUntil = 0
  let callOffBeat = (): void => {}
  /** Why the last writing failed, if it did. */
  let trouble: RpcError | undefined
  let backAt = Number.NEGATIVE_INFINITY
  /** The writings and refreshings, one after the other. */
  let work: Promise<unknown> = Promise.resolve()

  const gone = (): boolean => standing.state === 'gone'

  function inTurn(task: () => Promise<void>): Promise<void> {
    const result = work.then(task)
    work = result.catch(() => {})
    return result
  }

  async function write(how: Pick<Writing, 'force' | 'onTaken'>): Promise<void> {
    const records = recordsOf(layouts, instance)
    const began = clock.now()
    const index = await writeRecords(writer, records, { ...how, instance, own: written })
    for (const [key, value] of written) if (!records.has(key)) await keys.remove(key, value)
    written = records
    heldUntil = began + ttl
    guard.set([...records.keys()], index + 1)
    trouble = undefined
    enter('registered')
    beatAfter(heartbeat)
  }

  function beatAfter(ms: number): void {
    callOffBeat()
    callOffBeat = clock.after(ms, () => void inTurn(beat))
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
      if (what !== undefined) heal(new RpcError('aborted', `${name}: ${key} ${what}`), held && error.code === 'aborted')
      else if (held) void beatRetry.after(error).then(() => beatAfter(0))
      else heal(error)
    }
  }

  /** Puts the records back, for as long as it takes. */
  function heal(cause: RpcError, force = false): void {
    enter('healing', cause)
    void inTurn(async () => {
      // Whoever undoes it again and again meets a growing delay.
      if (clock.now() - backAt > ttl) retry.reset()
      else await retry.after(cause)
      while (!gone()) {
        try {
          await write({ force })
          backAt = clock.now()
          return
        } catch (thrown) {
          trouble = RpcError.from(thrown)
          if (gone()) return
          if (!passing.has(trouble.code)) enter('lost', trouble)
          await retry.after(trouble)
        }
      }
    })
  }

  /** Writes within the link's `timeout`, unless it is to `wait` for etcd, and keeps the process alive meanwhile. */
  function writeInTime(wait = false): Promise<void> {
    return new Promise((resolve, reject) => {
      const giveUp = (): void =>
        reject(trouble ?? new RpcError('deadline_exceeded', `${name}: no answer for ${link.timeout} ms`, { outbound: true }))
      let timer = wait ? setInterval(() => {}, 60_000) : setTimeout(giveUp, link.timeout)
      // Whoever has the id may be dead, which takes its record's time to tell.
      const onTaken = (): void => {
        if (wait) return
        clearTimeout(timer)
        timer = setTimeout(giveUp, link.timeout + 2 * ttl)
      }
      const attempt = async (): Promise<void> => {
        while (!gone()) {
          try {
            await write({ force: false, onTaken })
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
    await inTurn(async () => {
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
  }

  try {
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
