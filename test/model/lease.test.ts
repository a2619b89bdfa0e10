import { describe, expect, it } from 'vitest'
import { type LeaseInput, type LeaseKnowledge, stepLease } from '../../src/etcd/lease-state.ts'
import { explore, type Model } from './explore.ts'

type Reducer = typeof stepLease

/** All times are relative to now, so that there are finitely many states however long it goes on. */
interface State {
  readonly known: LeaseKnowledge
  /** How long etcd has the lease for; 0 when it does not. */
  readonly etcd: number
  readonly up: boolean
  /** A keep-alive is under way to etcd. */
  readonly request: boolean
  /** An answer is under way from etcd. */
  readonly answer: number | undefined
}

const ttl = 3

function model(step: Reducer, revocable: boolean): Model<State> {
  function take(state: State, input: LeaseInput): State {
    const [known, output] = step(state.known, input)
    const ends = known.status !== state.known.status
    if (ends !== (output === 'refused' || output === 'expired')) throw new Error('lost without a word, or twice')
    return { ...state, known }
  }

  function later(state: State): State {
    const { known, etcd, answer } = state
    const sentAt = known.sentAt === undefined ? undefined : Math.max(-ttl - 1, known.sentAt - 1)
    const aged = { ...known, deadline: Math.max(-1, known.deadline - 1), sentAt }
    return { ...state, known: aged, etcd: Math.max(0, etcd - 1), answer }
  }

  function certain(state: State): State {
    const { known, etcd } = state
    if (!revocable && known.status === 'held' && known.deadline > 0 && etcd === 0) throw new Error('held, but etcd has it no longer')
    return state
  }

  function* happens(state: State): Generator<{ label: string; state: State }> {
    const { known, etcd, up, request, answer } = state
    yield { label: 'time', state: later(state) }
    if (known.status === 'held') yield { label: 'look', state: take(state, { type: 'passed', at: 0 }) }
    else {
      const granted: LeaseKnowledge = { status: 'held', deadline: ttl, sentAt: undefined }
      yield { label: 'grant', state: { ...state, known: granted, etcd: ttl, request: false, answer: undefined } }
    }
    if (up && known.status === 'held' && known.sentAt === undefined)
      yield { label: 'beat', state: { ...take(state, { type: 'sent', at: 0 }), request: true } }
    if (request) yield { label: 'renew', state: { ...state, request: false, etcd: etcd > 0 ? ttl : 0, answer: etcd > 0 ? ttl : 0 } }
    if (answer !== undefined) yield { label: 'answer', state: { ...take(state, { type: 'answered', ttl: answer }), answer: undefined } }
    if (up) yield { label: 'break', state: { ...take(state, { type: 'broken' }), up: false, request: false, answer: undefined } }
    else yield { label: 'open', state: { ...state, up: true } }
    if (revocable && etcd > 0) yield { label: 'revoke', state: { ...state, etcd: 0 } }
  }

  const known: LeaseKnowledge = { status: 'held', deadline: ttl, sentAt: undefined }
  return {
    initial: [{ known, etcd: ttl, up: false, request: false, answer: undefined }],
    next: (state) => [...happens(state)].map((one) => ({ ...one, state: certain(one.state) })),
    settled: ({ known, etcd, up, request, answer }) =>
      known.status === 'held' && known.deadline > 0 && etcd > 0 && up && !request && answer === undefined,
  }
}

describe('a lease', () => {
  it('is never held for longer than etcd has it, is lost once, and had again from everywhere', () => {
    const found = explore(model(stepLease, false))
    expect(found.stuck).toBeUndefined()
    expect(found.states).toBeGreaterThan(100)
  })

  it('that is revoked is lost once, and had again from everywhere', () => {
    expect(explore(model(stepLease, true)).stuck).toBeUndefined()
  })

  it('whose time counted from the answer would be held for too long', () => {
    const late: Reducer = (known, input) => stepLease(input.type === 'answered' ? { ...known, sentAt: 0 } : known, input)
    expect(() => explore(model(late, false))).toThrow('held, but etcd has it no longer')
  })

  it('that waited for an answer that cannot come any more would never be had again', () => {
    const patient: Reducer = (known, input) =>
      input.type === 'broken' || input.type === 'passed' ? [known, undefined] : stepLease(known, input)
    expect(explore(model(patient, false)).stuck).toContain('break')
  })
})

describe('a step of a lease', () => {
  const held: LeaseKnowledge = { status: 'held', deadline: 3000, sentAt: 1000 }

  it('ends it at its deadline and not before, once', () => {
    expect(stepLease(held, { type: 'passed', at: 2999 })).toEqual([held, undefined])
    const [lost, why] = stepLease(held, { type: 'passed', at: 3000 })
    expect([lost.status, why]).toEqual(['lost', 'expired'])
    expect(stepLease(lost, { type: 'passed', at: 4000 })).toEqual([lost, undefined])
  })

  it('takes what is left from when it was asked, and nothing left for the end', () => {
    expect(stepLease(held, { type: 'answered', ttl: 5000 })).toEqual([{ status: 'held', deadline: 6000, sentAt: undefined }, 'renewed'])
    expect(stepLease(held, { type: 'answered', ttl: 1 })).toEqual([{ ...held, sentAt: undefined }, 'renewed'])
    expect(stepLease(held, { type: 'answered', ttl: 0 })[1]).toBe('refused')
  })

  it('makes nothing of an answer that was not asked for', () => {
    const idle = { ...held, sentAt: undefined }
    expect(stepLease(idle, { type: 'answered', ttl: 5000 })).toEqual([idle, undefined])
  })
})
