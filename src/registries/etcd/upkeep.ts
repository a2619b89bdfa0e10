import { RpcError } from '../../error.ts'
import { passing, type Retry } from './retry.ts'
import type { Standing } from './standing.ts'

/** The writing of a registration's records: within a time limit what is asked for, and for as long as it takes what was lost. */
export interface Upkeep {
  /** Does it when what was to be done before is done, or has failed. */
  inTurn(task: () => Promise<void>): Promise<void>
  /** Writes within `timeout`, unless it is to `wait` for etcd, and keeps the process alive meanwhile. Rejects with why it could not be done. */
  writeInTime(wait?: boolean): Promise<void>
  /** The same for what has been changed. `undo` is called where etcd refuses it: that must not be what is put back later. */
  updateInTime(undo: () => void): Promise<void>
  /** Puts the records back. `due` is asked when its turn has come, and says whether that is still needed. */
  heal(cause: RpcError, how?: { readonly force?: boolean; readonly due?: () => boolean }): void
  /** Resolves when nothing is to be done. */
  idle(): Promise<void>
}

/** One writing of all records. */
export interface Attempt {
  /** Somebody has overwritten what is this registration's: it is put back whoever has it now. */
  readonly force: boolean
  /**
   * Called when another process has the id. It may be dead, so it is then waited for to be renewed or to vanish, which takes `ttl`. Without
   * this it is an error at once.
   */
  readonly onTaken?: (() => void) | undefined
}

/** What an {@link Upkeep} needs. */
export interface UpkeepOptions {
  /** For messages: `etcd at 127.0.0.1:2379`. */
  readonly name: string
  /** Milliseconds. */
  readonly timeout: number
  /** How long records last that nobody renews, in milliseconds. */
  readonly ttl: number
  readonly retry: Retry
  readonly standing: Standing
  /** What the registration is called, for messages. */
  id(): string
  write(attempt: Attempt): Promise<void>
  /** When etcd answered last, on performance.now()'s clock: while others are served, the turn of this one will come. Default: never. */
  movedAt?(): number
  /** Whether nothing is to be waited for any more that may never come. */
  closing(): boolean
}

/** Does one thing after the other, until the registration is gone. */
export function createUpkeep(options: UpkeepOptions): Upkeep {
  const { name, timeout, ttl, retry, standing } = options
  /** Why the last writing failed, if it did. */
  let trouble: RpcError | undefined
  let backAt = Number.NEGATIVE_INFINITY
  let work: Promise<unknown> = Promise.resolve()
  let wake = (): void => {}

  const gone = (): boolean => standing.state === 'gone'
  standing.onState(() => gone() && wake())

  /** Waits for another try; not once there is nothing to try for. */
  function pause(error: RpcError): Promise<void> {
    return new Promise((resolve) => {
      wake = resolve
      void retry.after(error).then(resolve)
    })
  }

  function inTurn(task: () => Promise<void>): Promise<void> {
    const result = work.then(task)
    work = result.catch(() => {})
    return result
  }

  /** Until it is done. `ends` is told of every failure, and says whether that one is thrown. */
  async function write(attempt: Attempt, ends: (error: RpcError) => boolean): Promise<void> {
    while (!gone()) {
      try {
        await options.write(attempt)
        trouble = undefined
        standing.enter('registered')
        return
      } catch (thrown) {
        trouble = RpcError.from(thrown)
        if (ends(trouble)) throw trouble
        await pause(trouble)
      }
    }
    throw new RpcError('canceled', `${options.id()} has been deregistered`)
  }

  /** `refused` is called where etcd does not take it, be it after the time is over. */
  function writeInTime(wait = false, refused = (): void => {}): Promise<void> {
    return new Promise((resolve, reject) => {
      const giveUp = (): void => {
        const patience = (options.movedAt?.() ?? Number.NEGATIVE_INFINITY) + timeout - performance.now()
        if (patience > 0) timer = setTimeout(giveUp, patience)
        else reject(trouble ?? new RpcError('deadline_exceeded', `${name}: no answer for ${timeout} ms`, { outbound: true }))
      }
      let timer = wait ? setInterval(() => {}, 60_000) : setTimeout(giveUp, timeout)
      const onTaken = (): void => {
        if (wait) return
        clearTimeout(timer)
        timer = setTimeout(giveUp, timeout + 2 * ttl)
      }
      const ends = ({ code }: RpcError): boolean => options.closing() || (code !== 'unavailable' && !(wait && code === 'deadline_exceeded'))
      const task = async (): Promise<void> => {
        try {
          await write({ force: false, onTaken }, ends)
        } catch (thrown) {
          if (!passing.has(RpcError.from(thrown).code)) refused()
          throw thrown
        }
      }
      void inTurn(task)
        .then(resolve, reject)
        .finally(() => clearTimeout(timer))
    })
  }

  return {
    inTurn,
    writeInTime: (wait) => writeInTime(wait),
    updateInTime: (undo) => writeInTime(false, undo),
    heal(cause, { force = false, due = () => true } = {}) {
      // What is being written fails, so that its turn may be long in coming.
      if (trouble !== undefined && standing.state === 'registered' && due()) standing.enter('healing', cause)
      inTurn(async () => {
        if (gone() || !due()) return
        standing.enter('healing', cause)
        // Whoever undoes it again and again meets a growing delay.
        if (performance.now() - backAt > ttl) retry.reset()
        else await pause(cause)
        await write({ force }, (error) => {
          if (!passing.has(error.code) && error.code !== 'canceled') standing.enter('lost', error)
          return error.code === 'canceled'
        })
        backAt = performance.now()
      }).catch(() => {})
    },
    async idle() {
      await work
    },
  }
}
