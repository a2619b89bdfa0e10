import { describe, expect, it } from 'vitest'
import { beginWatch, stepWatch, type WatchInput, type WatchState } from '../../src/etcd/watch-state.ts'
import { explore, type Model } from './explore.ts'

interface Event {
  readonly kv: { readonly modRevision: number; readonly nth: number }
}

type Message = WatchInput<Event>

interface State {
  /** How many events of the watched prefix each revision has, from revision 2 on: an etcd begins with 1. */
  readonly history: readonly number[]
  readonly compacted: number
  /** Which store it is: a replaced one knows nothing of the former. */
  readonly store: number
  readonly up: boolean
  /** The request to watch is under way, from this revision. */
  readonly request: number | undefined
  /** Where etcd's watcher is: the next revision that it sends. */
  readonly sending: number | undefined
  /** From etcd to the client, in order. */
  readonly messages: readonly Message[]
  readonly watch: WatchState<Event>
  /** The listener: it knows everything up to this revision of that store. */
  readonly heard: number | undefined
  readonly of: number
  /** It reads everything again before long, as `Source` does after every interruption. */
  readonly reload: boolean
  readonly breaks: number
  readonly denials: number
}

interface Bounds {
  readonly revisions: number
  readonly breaks: number
  readonly denials: number
  readonly replacements: number
}

type Reducer = typeof stepWatch<Event>

const now = (state: State): number => state.history.length + 1
const eventsOf = (state: State, revision: number): readonly Event[] =>
  Array.from({ length: state.history[revision - 2] ?? 0 }, (_, nth) => ({ kv: { modRevision: revision, nth } }))

/** Reads at a revision, and watches from the next: what `Source` does. */
function read(state: State): State {
  const revision = now(state)
  const watch = beginWatch<Event>(revision + 1)
  const fresh = { ...state, watch, heard: revision, of: state.store, reload: false, sending: undefined, messages: [] }
  return { ...fresh, request: state.up ? revision + 1 : undefined }
}

/** Takes an input, and does what comes of it, as watch-stream.ts does. */
function take(step: Reducer, before: State, input: Message): State {
  const [watch, outputs] = step(before.watch, input)
  let state: State = { ...before, watch }
  for (const output of outputs) {
    if (output.type === 'events') state = hear(state, output.events, output.revision)
    else if (output.type === 'progress') state = hear(state, [], output.revision)
    else if (output.type === 'created' && state.heard === undefined) state = { ...state, heard: watch.next - 1, of: state.store }
    else if (output.type === 'resumed') state = { ...state, reload: true }
    else if (output.type === 'break') state = broken(step, state)
    else if (output.type === 'compacted' || output.type === 'denied') state = { ...state, reload: true, sending: undefined, messages: [] }
  }
  return state
}

function broken(step: Reducer, state: State): State {
  return take(step, { ...state, up: false, request: undefined, sending: undefined, messages: [] }, { type: 'broken' })
}

/** The listener is given events: all of every revision, none twice, none left out. In a store it does not know, a reading must follow. */
function hear(state: State, events: readonly Event[], revision: number): State {
  if (state.heard === undefined) throw new Error('told before it was created')
  if (state.of !== state.store) {
    if (!state.reload) throw new Error('told of another store as if it were the former')
    return state
  }
  const due: Event[] = []
  for (let at = state.heard + 1; at <= revision; at++) due.push(...eventsOf(state, at))
  if (JSON.stringify(events) !== JSON.stringify(due)) throw new Error(`told ${JSON.stringify(events)} where ${JSON.stringify(due)} was due`)
  return { ...state, heard: Math.max(state.heard, revision) }
}

/** What etcd may send now: everything, one revision, either in two fragments, or that there is nothing. */
function responses(state: State, from: number): { sending: number; messages: Message[] }[] {
  const revision = now(state)
  if (from > revision) return [{ sending: from, messages: [{ type: 'events', events: [], fragment: false, revision }] }]
  return [...new Set([from, revision])].flatMap((to) => {
    const events: Event[] = []
    for (let at = from; at <= to; at++) events.push(...eventsOf(state, at))
    if (events.length === 0) return [{ sending: to + 1, messages: [] }]
    const whole: Message = { type: 'events', events, fragment: false, revision }
    if (events.length < 2) return [{ sending: to + 1, messages: [whole] }]
    const parts: Message[] = [
      { ...whole, events: events.slice(0, 1), fragment: true },
      { ...whole, events: events.slice(1) },
    ]
    return [
      { sending: to + 1, messages: [whole] },
      { sending: to + 1, messages: parts },
    ]
  })
}

function model(bounds: Bounds, start: number, step: Reducer): Model<State> {
  const initial: State = {
    ...{ history: [], compacted: 0, store: 0, up: true, request: start, sending: undefined, messages: [] },
    ...{ watch: beginWatch<Event>(start), heard: start === 0 ? undefined : start - 1, of: 0, reload: false, breaks: 0, denials: 0 },
  }

  function* happens(state: State): Generator<{ label: string; state: State }> {
    const { history, up, request, sending, messages, breaks } = state
    if (history.length < bounds.revisions)
      for (const events of [0, 1, 2]) yield { label: `write ${events}`, state: { ...state, history: [...history, events] } }
    if (state.compacted < now(state)) yield { label: 'compact', state: { ...state, compacted: now(state) } }
    if (up && breaks < bounds.breaks) yield { label: 'break', state: broken(step, { ...state, breaks: breaks + 1 }) }
    if (!up) {
      const asked = take(step, { ...state, up: true }, { type: 'asked' })
      yield { label: 'open', state: { ...asked, request: asked.watch.phase === 'ended' ? undefined : asked.watch.next } }
    }
    if (up && request !== undefined) {
      const from = request === 0 ? now(state) + 1 : request
      const answered = { ...state, request: undefined }
      const made: Message = { type: 'created', revision: now(state) }
      if (from < state.compacted) {
        const gone: Message = { type: 'canceled', compactRevision: state.compacted, denied: false, renewable: false }
        yield { label: 'refuse', state: { ...answered, messages: [...messages, made, gone] } }
      } else yield { label: 'create', state: { ...answered, sending: from, messages: [...messages, made] } }
      if (state.denials < bounds.denials) {
        const denied: Message = { type: 'canceled', compactRevision: 0, denied: true, renewable: true }
        yield { label: 'deny', state: { ...answered, denials: state.denials + 1, messages: [...messages, denied] } }
      }
    }
    if (up && sending !== undefined && messages.length < 3) {
      for (const sent of responses(state, sending))
        yield { label: 'send', state: { ...state, sending: sent.sending, messages: [...messages, ...sent.messages] } }
      if (breaks < bounds.breaks) {
        const canceled: Message = { type: 'canceled', compactRevision: 0, denied: false, renewable: false }
        yield { label: 'cancel', state: { ...state, breaks: breaks + 1, sending: undefined, messages: [...messages, canceled] } }
      }
    }
    const [first, ...rest] = messages
    if (up && first !== undefined) yield { label: first.type, state: take(step, { ...state, messages: rest }, first) }
    // A reading and the request to watch from there go out on one connection, with nothing in between.
    if (state.reload && up) yield { label: 'read', state: read(state) }
    if (state.store < bounds.replacements) {
      // The former's connections go with it. It may have come as far by then, or further.
      for (const revisions of [0, history.length]) {
        const other = { ...state, store: state.store + 1, history: Array.from({ length: revisions }, () => 1), compacted: 0 }
        yield { label: `replace by ${revisions}`, state: up ? broken(step, other) : other }
      }
    }
  }

  return {
    initial: [initial],
    next: (state) => [...happens(state)],
    settled({ up, request, messages, watch, heard, of, store, reload, ...state }) {
      const quiet = up && request === undefined && messages.length === 0 && !reload
      const through = state.history.slice((heard ?? 0) - 1).every((events) => events === 0)
      return quiet && watch.phase === 'watching' && of === store && heard !== undefined && through
    },
  }
}

const cases: [string, Bounds][] = [
  ['that breaks', { revisions: 2, breaks: 2, denials: 0, replacements: 0 }],
  ['that has a longer history', { revisions: 3, breaks: 1, denials: 0, replacements: 0 }],
  ['that is refused', { revisions: 2, breaks: 1, denials: 2, replacements: 0 }],
  ['to a store that is replaced', { revisions: 2, breaks: 1, denials: 0, replacements: 1 }],
]

describe('a watch', () => {
  for (const [what, bounds] of cases) {
    for (const start of [0, 2]) {
      it(`${what}, from ${start === 0 ? 'now' : 'a revision'}: loses no event, tells none twice, and has a way back from everywhere`, {
        timeout: 60_000,
      }, () => {
        const found = explore(model(bounds, start, stepWatch<Event>))
        expect(found.stuck).toBeUndefined()
        expect(found.states).toBeGreaterThan(1000)
      })
    }
  }

  const [, breaking] = cases[0] as [string, Bounds]

  it('that went on from where `created` says it is would lose events', () => {
    const hasty: Reducer = (state, input) => {
      const [next, outputs] = stepWatch(state, input)
      return [input.type === 'created' && next.phase === 'watching' ? { ...next, next: input.revision + 1 } : next, outputs]
    }
    expect(() => explore(model(breaking, 2, hasty))).toThrow(/was due/)
  })

  it('that told fragments as they come would tell some twice or torn', () => {
    const torn: Reducer = (state, input) => stepWatch(state, input.type === 'events' ? { ...input, fragment: false } : input)
    expect(() => explore(model(breaking, 2, torn))).toThrow(/was due/)
  })

  it('that ignored a cancellation would hear nothing any more', () => {
    const deaf: Reducer = (state, input) => (input.type === 'canceled' ? [state, []] : stepWatch(state, input))
    expect(explore(model(breaking, 2, deaf)).stuck).toContain('canceled')
  })
})
