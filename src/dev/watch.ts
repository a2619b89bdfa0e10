import type { MessageInitShape } from '@bufbuild/protobuf'
import { type EventSchema, Event_EventType as Type } from '../gen/etcd/kv_pb.ts'
import { WatchCreateRequest_FilterType as Filter, type WatchCreateRequest, type WatchResponseSchema } from '../gen/etcd/rpc_pb.ts'
import { headerAt } from './header.ts'
import { type Change, isTombstone } from './history.ts'
import { contains, type Span, spanOf } from './span.ts'

/** A response as its handler makes it. */
export type WatchReply = MessageInitShape<typeof WatchResponseSchema>

/** One watch of a stream: what it is for, and how far it has come. */
export interface Watch {
  readonly id: bigint
  readonly span: Span
  readonly progress: boolean
  /** The first revision it has not seen. */
  next: bigint
  /** Whether something was sent since progress was reported last. */
  active: boolean
  /** The responses for some changes: none when the filters leave nothing, several when they are too large for one. */
  replies(changes: readonly Change[], revision: bigint, compacted: bigint): WatchReply[]
}

/** Where etcd splits a response for a watch that takes fragments, in bytes. */
const fragmentBytes = 1.5 * 1024 * 1024

/** What a request watches. A request without a key watches from the least key on, as etcd has it. */
function watchSpan(request: WatchCreateRequest): Span {
  return spanOf(request.key.length > 0 ? request : { key: Uint8Array.of(0), rangeEnd: request.rangeEnd })
}

/** A watch that begins at the request's revision, or at `next` when it has none. */
export function newWatch(id: bigint, request: WatchCreateRequest, next: bigint): Watch {
  const span = watchSpan(request)
  const wanted = ({ key, kv }: Change): boolean =>
    contains(span, key) && !request.filters.includes(isTombstone(kv) ? Filter.NODELETE : Filter.NOPUT)

  return {
    id,
    span,
    progress: request.progressNotify,
    next: request.startRevision === 0n ? next : request.startRevision,
    active: true,
    replies(changes, revision, compacted) {
      const events = changes.filter(wanted).map((change) => toEvent(change, request.prevKv, compacted))
      if (events.length === 0) return []
      const parts = request.fragment ? split(events) : [events]
      return parts.map((part, i) => ({ header: headerAt(revision), watchId: id, events: part, fragment: i < parts.length - 1 }))
    },
  }
}

type EventInit = MessageInitShape<typeof EventSchema>

/** The previous value is left out when the revision before, at which etcd would read it, is compacted. */
function toEvent({ kv, previous }: Change, withPrevious: boolean, compacted: bigint): EventInit {
  const type = isTombstone(kv) ? Type.DELETE : Type.PUT
  return withPrevious && previous !== undefined && kv.modRevision > compacted ? { type, kv, prevKv: previous } : { type, kv }
}

function split(events: readonly EventInit[]): EventInit[][] {
  const parts: EventInit[][] = [[]]
  let bytes = 0
  for (const event of events) {
    const size = sizeOf(event.kv) + sizeOf(event.prevKv)
    if (bytes > 0 && bytes + size > fragmentBytes) {
      parts.push([])
      bytes = 0
    }
    parts.at(-1)?.push(event)
    bytes += size
  }
  return parts
}

function sizeOf(kv: EventInit['kv']): number {
  return kv === undefined ? 0 : (kv.key?.length ?? 0) + (kv.value?.length ?? 0) + 32
}

/** Why a watch cannot be created, in etcd's words. */
export function refusal(request: WatchCreateRequest, taken: (id: bigint) => boolean): string | undefined {
  const { start, end } = watchSpan(request)
  if (end !== undefined && end <= start) return 'mvcc: watcher range is empty'
  if (request.watchId !== 0n && taken(request.watchId)) return 'mvcc: duplicate watch ID provided on the WatchStream'
  return undefined
}
