import { RpcError } from '../error.ts'
import { type WatchResponse, Watch as WatchService } from '../gen/etcd/rpc_pb.ts'
import type { KeyRange } from './bytes.ts'
import type { Caller } from './caller.ts'
import { createProbe } from './probe.ts'
import { toEvent, type WatchEvent } from './record.ts'
import { createStream } from './stream.ts'
import type { WatchListener } from './watch.ts'

/** Many watches over one stream. */
export interface WatchStream {
  /** Returns how to cancel. */
  add(range: KeyRange, startRevision: number, previous: boolean, listener: WatchStreamListener): () => void
}

/** A {@link WatchListener} that also hears when etcd begins to watch. */
export interface WatchStreamListener extends Required<WatchListener> {
  created(): void
}

interface Watching {
  readonly range: KeyRange
  readonly previous: boolean
  readonly listener: WatchStreamListener
  /** Where to go on from: after the last event delivered. 0 until etcd has said where "now" is. */
  next: number
  id: bigint | undefined
  /** Parts of a response that has not come whole. */
  parts: WatchEvent[]
  interrupted: boolean
  /** It was refused and the token may be why; a second refusal counts. */
  doubted: boolean
}

/**
 * A watch goes on from the last event delivered to it, or from etcd's own periodic progress notification. Neither the
 * revision of a `created` answer nor that of a progress response that was asked for will do: both may run ahead of
 * events that are still under way (https://github.com/etcd-io/etcd/issues/15220).
 */
export function createWatchStream(caller: Caller): WatchStream {
  const { link, auth, logger } = caller
  const watches = new Set<Watching>()
  const byId = new Map<bigint, Watching>()
  /** Asked for and not answered; etcd answers in order. */
  let asked: Watching[] = []

  const stream = createStream(caller, WatchService.method.watch, {
    onOpen() {
      probe.start()
      byId.clear()
      asked = []
      for (const watching of watches) ask(watching)
    },
    onMessage(response) {
      const watching = response.created ? asked.shift() : byId.get(response.watchId)
      probe.heard()
      if (watching === undefined) return
      if (!watches.has(watching)) forsake(response)
      else if (response.canceled) canceled(watching, response)
      else if (response.created) created(watching, response)
      else deliver(watching, response)
    },
    onBroken(error) {
      probe.stop()
      for (const watching of [...watches]) {
        if (watching.interrupted) continue
        watching.interrupted = true
        tell(() => watching.listener.interrupted(error))
      }
    },
  })
  const probe = createProbe(caller, {
    owes: () => asked.length > 0,
    ask: () => stream.send({ requestUnion: { case: 'progressRequest', value: {} } }),
    dead: (error) => stream.fail(error, { stalled: true }),
  })

  function ask(watching: Watching): void {
    const { range, previous, next } = watching
    watching.id = undefined
    watching.parts = []
    asked.push(watching)
    probe.asked()
    const value = { ...range, startRevision: BigInt(next), prevKv: previous, progressNotify: true, fragment: true }
    stream.send({ requestUnion: { case: 'createRequest', value } })
  }

  /** It was canceled by its user before etcd had answered. */
  function forsake({ canceled, watchId }: WatchResponse): void {
    if (!canceled) stream.send({ requestUnion: { case: 'cancelRequest', value: { watchId } } })
  }

  function created(watching: Watching, response: WatchResponse): void {
    const revision = revisionOf(response)
    if (watching.next > revision + 1) {
      stream.send({ requestUnion: { case: 'cancelRequest', value: { watchId: response.watchId } } })
      end(watching, () => watching.listener.compacted(revision))
      return
    }
    if (watching.next === 0) watching.next = revision + 1
    watching.id = response.watchId
    watching.doubted = false
    byId.set(response.watchId, watching)
    tell(() => watching.listener.created())
    if (!watching.interrupted) return
    watching.interrupted = false
    tell(() => watching.listener.resumed())
  }

  function canceled(watching: Watching, response: WatchResponse): void {
    const reason = response.cancelReason
    if (response.compactRevision > 0n) end(watching, () => watching.listener.compacted(Number(response.compactRevision)))
    else if (!reason.includes('permission denied')) {
      // Also how a token that has become void is told; the stream then authenticates anew.
      stream.fail(new RpcError('unavailable', reason === '' ? 'etcd canceled a watch' : reason, { outbound: true }))
    } else if (auth.required && !watching.doubted) {
      watching.doubted = true
      stream.fail(new RpcError('unauthenticated', reason, { outbound: true }))
    } else end(watching, () => watching.listener.error(new RpcError('permission_denied', `${link.name}: ${reason}`, { outbound: true })))
  }

  function deliver(watching: Watching, response: WatchResponse): void {
    for (const event of response.events) watching.parts.push(toEvent(event))
    if (response.fragment) return
    const events = watching.parts
    watching.parts = []
    const last = events.at(-1)
    if (last === undefined) {
      watching.next = Math.max(watching.next, revisionOf(response) + 1)
      tell(() => watching.listener.progress(watching.next - 1))
    } else {
      watching.next = last.kv.modRevision + 1
      tell(() => watching.listener.events(events, last.kv.modRevision))
    }
  }

  function end(watching: Watching, report: () => void): void {
    remove(watching)
    tell(report)
  }

  function remove(watching: Watching): void {
    watches.delete(watching)
    if (watching.id !== undefined) byId.delete(watching.id)
    if (watches.size > 0) return
    probe.stop()
    stream.stop()
  }

  /** A listener that throws must not take the others' events away. */
  function tell(report: () => void): void {
    try {
      report()
    } catch (error) {
      logger.error({ err: error }, `${link.name}: a watch listener threw`)
    }
  }

  return {
    add(range, startRevision, previous, listener) {
      const watching: Watching = {
        range,
        previous,
        listener,
        next: startRevision,
        id: undefined,
        parts: [],
        interrupted: false,
        doubted: false,
      }
      watches.add(watching)
      if (watches.size === 1) stream.start()
      else ask(watching)
      return () => {
        if (!watches.has(watching)) return
        if (watching.id !== undefined) stream.send({ requestUnion: { case: 'cancelRequest', value: { watchId: watching.id } } })
        remove(watching)
      }
    },
  }
}

function revisionOf(response: WatchResponse): number {
  return Number(response.header?.revision ?? 0n)
}
