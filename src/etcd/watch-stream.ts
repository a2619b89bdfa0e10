import { RpcError } from '../error.ts'
import { type WatchResponse, Watch as WatchService } from '../gen/etcd/rpc_pb.ts'
import type { KeyRange } from './bytes.ts'
import type { Caller } from './caller.ts'
import { createProbe } from './probe.ts'
import { toEvent, type WatchEvent } from './record.ts'
import { createStream } from './stream.ts'
import type { WatchListener } from './watch.ts'
import { beginWatch, stepWatch, type WatchInput, type WatchOutput, type WatchState } from './watch-state.ts'

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
  state: WatchState<WatchEvent>
  id: bigint | undefined
}

/** What happens to each watch is {@link stepWatch}'s; here are the stream and the ids. */
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
      else {
        const { fragment } = response
        step(watching, { type: 'events', events: response.events.map(toEvent), fragment, revision: revisionOf(response) })
      }
    },
    onBroken(error) {
      probe.stop()
      // Who hears of it may cancel others.
      for (const watching of [...watches]) if (watches.has(watching)) step(watching, { type: 'broken' }, error)
    },
  })
  const probe = createProbe(caller, {
    owes: () => asked.length > 0,
    ask: () => stream.send({ requestUnion: { case: 'progressRequest', value: {} } }),
    dead: (error) => stream.fail(error, { stalled: true }),
  })

  function ask(watching: Watching): void {
    const { range, previous } = watching
    watching.id = undefined
    step(watching, { type: 'asked' })
    asked.push(watching)
    probe.asked()
    const value = { ...range, startRevision: BigInt(watching.state.next), prevKv: previous, progressNotify: true, fragment: true }
    stream.send({ requestUnion: { case: 'createRequest', value } })
  }

  /** It was canceled by its user before etcd had answered. */
  function forsake({ canceled, watchId }: WatchResponse): void {
    if (!canceled) stream.send({ requestUnion: { case: 'cancelRequest', value: { watchId } } })
  }

  function created(watching: Watching, response: WatchResponse): void {
    watching.id = response.watchId
    byId.set(response.watchId, watching)
    step(watching, { type: 'created', revision: revisionOf(response) })
  }

  function canceled(watching: Watching, { cancelReason, compactRevision }: WatchResponse): void {
    // That is also how a token that has become void is told.
    const denied = cancelReason.includes('permission denied')
    const cause = new RpcError(denied ? 'unauthenticated' : 'unavailable', cancelReason || 'etcd canceled a watch', { outbound: true })
    watching.id = undefined
    step(watching, { type: 'canceled', compactRevision: Number(compactRevision), denied, renewable: auth.required }, cause)
  }

  /** Without a `cause` where nothing has gone wrong: making an error costs more than all the rest of an event. */
  function step(watching: Watching, input: WatchInput<WatchEvent>, cause?: RpcError): void {
    const [state, outputs] = stepWatch(watching.state, input)
    watching.state = state
    for (const output of outputs) perform(watching, output, cause)
  }

  function perform(watching: Watching, output: WatchOutput<WatchEvent>, cause: RpcError | undefined): void {
    const { listener } = watching
    switch (output.type) {
      case 'break':
        stream.fail(cause ?? unexplained())
        break
      case 'cancel':
        cancel(watching)
        break
      case 'events':
        tell(() => listener.events(output.events, output.revision))
        break
      case 'progress':
        tell(() => listener.progress(output.revision))
        break
      case 'interrupted':
        tell(() => listener.interrupted(cause ?? unexplained()))
        break
      case 'compacted':
        remove(watching)
        tell(() => listener.compacted(output.revision))
        break
      case 'denied':
        remove(watching)
        tell(() =>
          listener.error(new RpcError('permission_denied', `${link.name}: ${(cause ?? unexplained()).rawMessage}`, { outbound: true })),
        )
        break
      default: {
        const { type } = output
        tell(() => listener[type]())
      }
    }
  }

  function cancel({ id }: Watching): void {
    if (id !== undefined) stream.send({ requestUnion: { case: 'cancelRequest', value: { watchId: id } } })
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
      const watching: Watching = { range, previous, listener, state: beginWatch(startRevision), id: undefined }
      watches.add(watching)
      if (watches.size === 1) stream.start()
      else ask(watching)
      return () => {
        if (!watches.has(watching)) return
        cancel(watching)
        remove(watching)
      }
    },
  }
}

function unexplained(): RpcError {
  return new RpcError('unavailable', 'the watch broke')
}

function revisionOf(response: WatchResponse): number {
  return Number(response.header?.revision ?? 0n)
}
