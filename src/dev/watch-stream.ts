import type { Clock } from '../clock.ts'
import type { WatchCreateRequest, WatchRequest } from '../gen/etcd/rpc_pb.ts'
import { headerAt } from './header.ts'
import { type Outbox, outbox } from './outbox.ts'
import type { Store } from './store.ts'
import { newWatch, refusal, type Watch, type WatchReply } from './watch.ts'
import type { Watcher, Watchers } from './watchers.ts'

/** What is asked of, and answered on, one Watch call. */
export interface WatchStream {
  accept(request: WatchRequest): void
  readonly replies: Outbox<WatchReply>
}

/** What a stream needs of its server. */
export interface WatchSource {
  readonly store: Store
  readonly watchers: Watchers
  readonly clock: Clock
  /** Milliseconds after which an idle watch that asked for it is told the revision. */
  readonly progressInterval: number
}

/** Replies that wait for a slow reader; a watch with more to say reads the history once these are gone. */
const maxWaiting = 1000
/** Revisions read from the history at once. */
const batch = 1000

interface Subscription extends Watcher {
  readonly watch: Watch
}

/**
 * The state of one Watch call. A watch is either up to date, and told of every change, or behind, and reads the history
 * when the peer has room: that is how it begins in the past, and what becomes of it when its reader is slow. Memory is
 * bounded by the history; a watch that falls out of it is canceled with the compacted revision.
 */
export function watchStream({ store, watchers, clock, progressInterval }: WatchSource): WatchStream {
  const subscriptions = new Map<bigint, Subscription>()
  const behind = new Set<Subscription>()
  const waiting: WatchReply[] = []
  let nextId = 0n
  let progressAsked = false

  const replies = outbox(take, () => {
    stopReports()
    for (const subscription of subscriptions.values()) watchers.delete(subscription)
    subscriptions.clear()
    behind.clear()
  })

  function send(...some: readonly WatchReply[]): void {
    waiting.push(...some)
    replies.wake()
  }

  function take(): WatchReply | undefined {
    while (waiting.length === 0) {
      const [first] = behind
      if (first !== undefined) catchUp(first)
      else if (progressAsked) reportAll()
      else return undefined
    }
    return waiting.shift()
  }

  function catchUp(subscription: Subscription): void {
    const { watch } = subscription
    behind.delete(subscription)
    if (watch.next < store.compacted) {
      subscriptions.delete(watch.id)
      // etcd does not tell the revision here, nor a reason.
      waiting.push({ header: headerAt(0n), watchId: watch.id, canceled: true, compactRevision: store.compacted })
      return
    }
    // Nothing happened at revision 1, or before.
    if (watch.next < 2n) watch.next = 2n
    const revisions = store.changes(watch.next, batch)
    waiting.push(...watch.replies(revisions.flat(), store.revision, store.compacted))
    watch.next = revisions.length < batch ? store.revision + 1n : watch.next + BigInt(batch)
    watch.active = true
    place(subscription)
  }

  function place(subscription: Subscription): void {
    if (subscription.watch.next > store.revision) watchers.add(subscription)
    else behind.add(subscription)
  }

  function subscribe(watch: Watch): Subscription {
    const subscription: Subscription = {
      watch,
      span: watch.span,
      notify(revision, changes) {
        if (revision < watch.next) return
        watch.next = revision
        if (waiting.length >= maxWaiting) {
          watchers.delete(subscription)
          behind.add(subscription)
          return
        }
        watch.next++
        watch.active = true
        send(...watch.replies(changes, revision, store.compacted))
      },
    }
    return subscription
  }

  function create(request: WatchCreateRequest): void {
    const header = headerAt(store.revision)
    const reason = refusal(request, (id) => subscriptions.has(id))
    if (reason !== undefined) {
      send({ header, watchId: -1n, created: true, canceled: true, cancelReason: reason })
      return
    }
    if (request.watchId === 0n) while (subscriptions.has(nextId)) nextId++
    const id = request.watchId === 0n ? nextId++ : request.watchId
    const subscription = subscribe(newWatch(id, request, store.revision + 1n))
    subscriptions.set(id, subscription)
    place(subscription)
    send({ header, watchId: id, created: true })
  }

  function cancel(id: bigint): void {
    const subscription = subscriptions.get(id)
    if (subscription === undefined) return
    subscriptions.delete(id)
    behind.delete(subscription)
    watchers.delete(subscription)
    send({ header: headerAt(store.revision), watchId: id, canceled: true })
  }

  /** Answers a request for progress, once every watch of the stream is up to date: then it holds for all of them. */
  function reportAll(): void {
    progressAsked = false
    waiting.push({ header: headerAt(store.revision), watchId: -1n })
  }

  let stopReports = clock.after(progressInterval, report)
  function report(): void {
    stopReports = clock.after(progressInterval, report)
    for (const subscription of subscriptions.values()) {
      const { watch } = subscription
      if (watch.progress && !watch.active && !behind.has(subscription)) send({ header: headerAt(store.revision), watchId: watch.id })
      watch.active = false
    }
  }

  return {
    replies,
    accept({ requestUnion: { case: kind, value } }) {
      if (kind === 'createRequest') create(value)
      else if (kind === 'cancelRequest') cancel(value.watchId)
      else if (kind === 'progressRequest') {
        progressAsked = true
        replies.wake()
      }
    },
  }
}
