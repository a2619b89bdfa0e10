import { expect } from 'vitest'
import type { RegistrationState } from '../../src/registry.ts'

/** Whole ways down and back; `perhaps` is none or one. How many there are depends on which member was used. */
export type Ways = 'perhaps' | { readonly atLeast: number; readonly atMost: number }

/** What must have been told, and logged, by the end: states of each of the servers' registrations, and of the client's registry. */
export interface Told {
  readonly a?: readonly RegistrationState[] | Ways
  readonly b?: readonly RegistrationState[] | Ways
  readonly consumer?: readonly string[] | Ways
  /** What else may have been logged, each once. */
  readonly besides?: readonly RegExp[]
  /** How long the way back of a registration in another process took, on its clock, in milliseconds. */
  readonly recovery?: number
}

/** What is logged of every state. */
const lines: readonly [RegExp, string][] = [
  [/^warn registration of (\w+) lost, putting it back: /, 'healing'],
  [/^info registration of (\w+) is back after \d+ ms$/, 'registered'],
  [/^error (\w+) cannot be put back, trying on: /, 'lost'],
  [/^warn what (?<consumer>etcd) .* has told may be stale from now on: /, 'stale'],
  [/^info what (?<consumer>etcd) .* has told is right again after \d+ ms$/, 'connected'],
]

/** The states that lines tell of, by whose they are (an instance's, or the `consumer`'s), and the `besides`, which tell of none. */
export function logged(all: readonly string[]) {
  const states: Record<string, string[]> = { a: [], b: [], consumer: [] }
  const besides: string[] = []
  for (const line of all) {
    const [match, state] = lines.map(([pattern, of]) => [pattern.exec(line), of] as const).find(([found]) => found !== null) ?? []
    const who = match?.groups?.consumer === undefined ? match?.[1] : 'consumer'
    if (who === undefined || state === undefined) besides.push(line)
    else states[who] = [...(states[who] ?? []), state]
  }
  return { states, besides }
}

/** Holds what was told and logged against what must have been: one change and one line per transition, and nothing else. */
export function judge(
  told: Told,
  actual: { readonly a: string[]; readonly b: string[]; readonly consumer: string[] },
  said: readonly string[],
): void {
  const expected = {
    a: expectation(told.a, actual.a, ['healing', 'registered']),
    b: expectation(told.b, actual.b, ['healing', 'registered']),
    consumer: expectation(told.consumer, actual.consumer, ['stale', 'connected']),
  }
  const all = `by what was logged:\n${said.join('\n')}\n`
  expect(actual, all).toEqual(expected)
  const { states, besides } = logged(said)
  expect(states, all).toEqual(expected)
  // A reading right after an outage may come before the servers are back.
  const outages = expected.consumer.filter((state) => state === 'stale').length
  const allowed = [...(told.besides ?? []), ...Array.from({ length: outages }, () => kept)]
  for (const line of besides) {
    const at = allowed.findIndex((pattern) => pattern.test(line))
    expect(at, `logged without a reason: ${line}`).toBeGreaterThan(-1)
    allowed.splice(at, 1)
  }
}

/** The line about a set that is not believed. */
export const kept = /^warn \d+ of \d+ instances of "\w+" are gone from etcd .*; they are kept for \d+ ms$/

function expectation(told: readonly string[] | Ways = [], actual: readonly string[], way: readonly string[]): readonly string[] {
  if (Array.isArray(told)) return told
  const { atLeast, atMost } = told === 'perhaps' ? { atLeast: 0, atMost: 1 } : (told as Exclude<Ways, 'perhaps'>)
  const times = Math.min(atMost, Math.max(atLeast, Math.ceil(actual.length / 2)))
  return Array.from({ length: times }, () => way).flat()
}
