import { checkNumber } from '../check.ts'
import { RpcError } from '../error.ts'
import { type KeyRange, type Keys, rangeOf } from './bytes.ts'
import type { Caller, CallOptions } from './caller.ts'
import { whole } from './operation.ts'
import type { WatchEvent } from './record.ts'
import { createWatchStream } from './watch-stream.ts'

/** What a watch reports. It goes on through anything but `compacted` and `error`. */
export interface WatchListener {
  /** Changes in the order of their revisions; those of one revision are never split. `revision` is the last one's. */
  events(events: readonly WatchEvent[], revision: number): void
  /**
   * The end: what was asked for is not in the history, because it was compacted up to `revision`, or because the
   * store has been replaced by one that has only come to `revision`. Read again and watch from there.
   */
  compacted(revision: number): void
  /** The end: etcd refuses (`permission_denied`, …). */
  error(error: RpcError): void
  /** Nothing can be heard for now; called once per break. No event is lost by it. */
  interrupted?(error: RpcError): void
  /** It can be heard again: what was missed follows. */
  resumed?(): void
  /** There has been nothing up to `revision`; etcd says so every ten minutes unless configured otherwise. */
  progress?(revision: number): void
}

/** What to watch: keys, and from where. */
export type WatchOptions = Keys & {
  readonly listener: WatchListener
  /** First revision of interest, at most one beyond the store's. Default: the next one. */
  readonly startRevision?: number | undefined
  /** Events come with the record as it was before. */
  readonly previous?: boolean | undefined
  /** Milliseconds until {@link Watch.created} rejects. Default: the client's `timeout`. */
  readonly timeout?: CallOptions['timeout']
}

/** A watch that is on until it is canceled. */
export interface Watch {
  /**
   * Resolves when etcd watches for the first time. Rejects where it refuses, when the client is closed, or where etcd cannot be reached within
   * `timeout`; in the last case the watch goes on trying until it is canceled. Need not be awaited; reading it keeps the process alive until it settles.
   */
  readonly created: Promise<void>
  /** After it nothing is reported any more. Idempotent. */
  cancel(): void
}

/** Watches: the part of the client for hearing of changes. */
export interface Watches {
  /** Starts to watch. All watches of a client share one stream; none keeps the process alive. */
  watch(options: WatchOptions): Watch
}

/** The watches of a client. */
export function createWatches(caller: Caller): Watches {
  const stream = createWatchStream(caller)
  return {
    watch({ listener, startRevision = 0, previous = false, timeout = caller.timeout, ...keys }) {
      let settled = false
      let release = (): void => {}
      let forget = (): void => {}
      let cancel = (): void => {}
      const created = new Promise<void>((resolve, reject) => {
        const range = rangeToWatch(keys)
        whole('watch: startRevision', startRevision)
        if (!(timeout >= 0)) checkNumber('timeout (ms)', timeout, { min: 0 })
        let trouble: RpcError | undefined
        const callOff = caller.clock.after(timeout, () => {
          const text = trouble?.rawMessage ?? `${caller.link.name}: no answer for ${timeout} ms`
          settle(() => reject(new RpcError('deadline_exceeded', `watch not created: ${text}`, { cause: trouble, outbound: true })))
        })
        const settle = (done: () => void): void => {
          settled = true
          callOff()
          forget()
          release()
          done()
        }
        forget = caller.link.onClosed((error) => settle(() => reject(error)))
        cancel = stream.add(range, startRevision, previous, {
          events: (events, revision) => listener.events(events, revision),
          created: () => settle(resolve),
          compacted(revision) {
            settle(resolve)
            listener.compacted(revision)
          },
          error(error) {
            settle(() => reject(error))
            listener.error(error)
          },
          interrupted(error) {
            trouble = error
            listener.interrupted?.(error)
          },
          resumed: () => listener.resumed?.(),
          progress: (revision) => listener.progress?.(revision),
        })
      })
      created.catch(() => {})
      return {
        get created() {
          // Who waits for it is something to stay alive for; the watch alone is not.
          if (!settled) release = hold(release)
          return created
        },
        cancel: () => cancel(),
      }
    },
  }
}

/** Throws `invalid_argument` for one that etcd refuses to watch, for it cannot contain anything. */
function rangeToWatch(keys: Keys): KeyRange {
  const range = rangeOf(keys)
  const { key, rangeEnd } = range
  const bounded = rangeEnd.length > 1 || (rangeEnd[0] ?? 0) > 0
  if (bounded && Buffer.compare(rangeEnd, key) <= 0) throw new RpcError('invalid_argument', 'watch: to must come after from')
  return range
}

/** Keeps the process alive until the returned function is called, which also calls `before`. */
function hold(before: () => void): () => void {
  const timer = setInterval(() => {}, 0x7fffffff)
  return () => {
    before()
    clearInterval(timer)
  }
}
