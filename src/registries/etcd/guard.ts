import { RpcError } from '../../error.ts'
import type { Watch } from '../../etcd/index.ts'
import type { Logger } from '../../logger.ts'
import type { KeyWatchOptions, Store } from './store.ts'

/** Watches the records of a registration: who deletes or overwrites one takes the instance away from its callers. */
export interface Guard {
  /** Guards these keys from a revision on, and no others. */
  set(keys: readonly string[], startRevision: number): void
  stop(): void
}

/** What somebody did to a record. */
export interface Touch {
  /** What happened, as an error. */
  cause(): RpcError
  /** At which revision, if that is known. */
  readonly revision: number | undefined
  /** The lease the record is with now, if there is one. */
  readonly lease: bigint | undefined
  /** It was written over, and not removed in between: its owner was alive all the time. */
  readonly overwritten: boolean
}

/** Where a guard watches. */
export interface Guarded extends Pick<Store, 'name'> {
  watch(options: KeyWatchOptions): Pick<Watch, 'cancel'>
}

/** `touched` is called with what happened. */
export function createGuard(client: Guarded, logger: Logger, touched: (touch: Touch) => void): Guard {
  const watches = new Map<string, Pick<Watch, 'cancel'>>()

  function guard(key: string, startRevision: number): Pick<Watch, 'cancel'> {
    return client.watch({
      key,
      startRevision,
      listener: {
        events(events) {
          const last = events.at(-1)
          if (last === undefined) return
          const { modRevision: revision, lease } = last.kv
          const overwritten = events.every(({ type }) => type === 'put')
          const what = last.type === 'delete' ? 'deleted' : 'overwritten; ids must be unique'
          const cause = (): RpcError => new RpcError('aborted', `${client.name}: ${key} was ${what}`)
          touched({ cause, revision, lease: last.type === 'delete' ? undefined : lease, overwritten })
        },
        compacted() {
          watches.get(key)?.cancel()
          watches.delete(key)
          const cause = (): RpcError => new RpcError('data_loss', `${client.name}: what happened to ${key} meanwhile is not known`)
          touched({ cause, revision: undefined, lease: undefined, overwritten: false })
        },
        error(error) {
          logger.warn({ err: error, key }, `${key} cannot be watched: if it is deleted, it is not put back before its lease is lost`)
        },
      },
    })
  }

  return {
    set(keys, startRevision) {
      for (const [key, watch] of watches) {
        if (keys.includes(key)) continue
        watch.cancel()
        watches.delete(key)
      }
      for (const key of keys) if (!watches.has(key)) watches.set(key, guard(key, startRevision))
    },
    stop() {
      for (const watch of watches.values()) watch.cancel()
      watches.clear()
    },
  }
}
