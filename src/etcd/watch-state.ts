/** What an event must tell for its watch to be kept track of. */
interface Revised {
  readonly kv: { readonly modRevision: number }
}

/** What one watch knows. Plain data: {@link stepWatch} makes the next one of it, in production as in test/model. */
export interface WatchState<E extends Revised> {
  /** `asked`: etcd has not answered, or there is no stream. */
  readonly phase: 'asked' | 'watching' | 'ended'
  /** Where to go on from: after the last event delivered. 0 until etcd has said where "now" is. */
  readonly next: number
  /** Parts of a response that has not come whole. */
  readonly parts: readonly E[]
  readonly interrupted: boolean
  /** It was refused and the token may be why; a second refusal counts. */
  readonly doubted: boolean
}

/** What happens to a watch. */
export type WatchInput<E extends Revised> =
  /** It is asked for on a new stream. */
  | { readonly type: 'asked' }
  | { readonly type: 'broken' }
  | { readonly type: 'created'; readonly revision: number }
  | { readonly type: 'events'; readonly events: readonly E[]; readonly fragment: boolean; readonly revision: number }
  /** `renewable`: the token may be why. */
  | { readonly type: 'canceled'; readonly compactRevision: number; readonly denied: boolean; readonly renewable: boolean }

/** What is to be told to its listener, or done to its stream. */
export type WatchOutput<E extends Revised> =
  | { readonly type: 'created' }
  | { readonly type: 'interrupted' }
  | { readonly type: 'resumed' }
  | { readonly type: 'denied' }
  | { readonly type: 'events'; readonly events: readonly E[]; readonly revision: number }
  | { readonly type: 'progress'; readonly revision: number }
  | { readonly type: 'compacted'; readonly revision: number }
  /** The stream has to be made anew, with a new token if `expired`. */
  | { readonly type: 'break'; readonly expired: boolean }
  /** etcd watches something of which nothing can be made. */
  | { readonly type: 'cancel' }

/** A watch from `next` on; 0 for "now". */
export function beginWatch<E extends Revised>(next: number): WatchState<E> {
  return { phase: 'asked', next, parts: [], interrupted: false, doubted: false }
}

type Step<E extends Revised> = readonly [WatchState<E>, readonly WatchOutput<E>[]]

/**
 * A watch goes on from the last event delivered to it, or from etcd's own periodic progress notification. Neither the
 * revision of a `created` answer nor that of a progress response that was asked for will do: both may run ahead of
 * events that are still under way (https://github.com/etcd-io/etcd/issues/15220).
 */
export function stepWatch<E extends Revised>(state: WatchState<E>, input: WatchInput<E>): Step<E> {
  if (state.phase === 'ended') return [state, []]
  switch (input.type) {
    case 'asked':
      return [{ ...state, phase: 'asked', parts: [] }, []]
    case 'broken':
      return [{ ...state, phase: 'asked', parts: [], interrupted: true }, state.interrupted ? [] : [{ type: 'interrupted' }]]
    case 'created':
      return created(state, input.revision)
    case 'events':
      return received(state, input)
    default:
      return canceled(state, input)
  }
}

function created<E extends Revised>(state: WatchState<E>, revision: number): Step<E> {
  // The store is another one, which has not come that far.
  if (state.next > revision + 1) return [{ ...state, phase: 'ended' }, [{ type: 'cancel' }, { type: 'compacted', revision }]]
  const next = state.next === 0 ? revision + 1 : state.next
  const told: WatchOutput<E>[] = state.interrupted ? [{ type: 'created' }, { type: 'resumed' }] : [{ type: 'created' }]
  return [{ phase: 'watching', next, parts: [], interrupted: false, doubted: false }, told]
}

function received<E extends Revised>(state: WatchState<E>, input: Extract<WatchInput<E>, { type: 'events' }>): Step<E> {
  const events = state.parts.length === 0 ? input.events : [...state.parts, ...input.events]
  if (input.fragment) return [{ ...state, parts: events }, []]
  const last = events.at(-1)
  if (last !== undefined) {
    const revision = last.kv.modRevision
    return [{ ...state, next: revision + 1, parts: [] }, [{ type: 'events', events, revision }]]
  }
  const next = Math.max(state.next, input.revision + 1)
  return [{ ...state, next }, [{ type: 'progress', revision: next - 1 }]]
}

function canceled<E extends Revised>(state: WatchState<E>, input: Extract<WatchInput<E>, { type: 'canceled' }>): Step<E> {
  const { compactRevision, denied, renewable } = input
  if (compactRevision > 0) return [{ ...state, phase: 'ended' }, [{ type: 'compacted', revision: compactRevision }]]
  if (!denied) return [state, [{ type: 'break', expired: false }]]
  if (renewable && !state.doubted) return [{ ...state, doubted: true }, [{ type: 'break', expired: true }]]
  return [{ ...state, phase: 'ended' }, [{ type: 'denied' }]]
}
