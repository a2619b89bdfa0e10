import { RpcError } from '../../error.ts'
import type { EtcdClient, Watch } from '../../etcd/index.ts'
import type { Logger } from '../../logger.ts'

/** Watches the records of a registration: who deletes or overwrites one takes the instance away from its callers. */
export interface Guard {
  /** Guards these keys from a revision on, and no others. */
  set(keys: readonly string[], startRevision: number): void
  stop(): void
}

/** `touched` is called with what happened, at which revision if that is known, and which lease the record is with now, if there is one. */
export function createGuard(
  client: EtcdClient,
  logger: Logger,
  touched: (cause: RpcError, revision: number | undefined, lease: bigint | undefined) => void,
): Guard {
  const watches = new Map<string, Watch>()

  function guard(key: string, startRevision: number): Watch {
    return client.watch({
      key,
      startRevision,
      listener: {
        events(events) {
          const last = events.at(-1)
          if (last === undefined) return
          const { modRevision, lease } = last.kv
          if (last.type === 'delete') touched(new RpcError('aborted', `${client.name}: ${key} was deleted`), modRevision, undefined)
          else touched(new RpcError('aborted', `${client.name}: ${key} was overwritten; ids must be unique`), modRevision, lease)
        },
        compacted() {
          watches.delete(key)
          const cause = new RpcError('data_loss', `${client.name}: what happened to ${key} meanwhile is not known`)
          touched(cause, undefined, undefined)
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
