import { describe, expect, it } from 'vitest'
import { timeout } from '../../src/middleware/timeout.ts'
import { manualClock } from '../../src/testing/index.ts'
import { contextOf, method, playing, streamOf } from '../support/context.ts'

describe('timeout', () => {
  it('gives a call without a deadline one', async () => {
    const clock = manualClock()
    clock.advanceSync(1000)
    const next = playing('ok')
    expect(await timeout(250, { clock })(next)({}, contextOf())).toBe('ok')
    expect(next.contexts[0]?.deadline).toBe(1250)
  })

  it('shortens a later deadline and keeps an earlier one', async () => {
    const next = playing(1, 2)
    const call = timeout(250, { clock: manualClock() })(next)
    await call({}, contextOf({ deadline: 300 }))
    await call({}, contextOf({ deadline: 200 }))
    expect(next.contexts.map(({ deadline }) => deadline)).toEqual([250, 200])
  })

  it.each(['unary', 'collect', 'expand', 'chat'] as const)('leaves the rest of a %s call as it is', async (name) => {
    const next = playing('response')
    const request = streamOf(1)
    const context = contextOf({ method: method(name), peer: 'p', signal: new AbortController().signal })
    expect(await timeout(250)(next)(request, context)).toBe('response')
    expect(next.requests).toEqual([request])
    const { headers, peer, signal } = next.contexts[0] ?? contextOf()
    expect({ headers, peer, signal }).toEqual({ headers: context.headers, peer: 'p', signal: context.signal })
    expect(context.instance?.id).toBe('n0')
  })

  it.each([0, -1, Number.NaN, Number.POSITIVE_INFINITY])('refuses %d', (ms) => {
    expect(() => timeout(ms)).toThrow(`invalid_argument: timeout: ms must be a number > 0, got ${ms}`)
  })
})
