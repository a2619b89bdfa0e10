import assert from 'node:assert/strict'
import type { Context } from '../endpoint.ts'
import type { Case } from './case.ts'
import { type Answers, type Between, failure, hang, until } from './transport-bench.ts'

/** Deadlines and cancellation of calls. */
export function timeCases(run: Between): readonly Case[] {
  const ended = waiting()
  const aborted = waiting()
  return [
    run('ends a call at its deadline, on both sides', ended, async ({ say }) => {
      // On a busy machine the deadline may pass before the handler is called, and then there is nothing to tell it.
      for (let ms = 60; ended.reason === undefined; ms *= 2) {
        const begun = performance.now()
        await failure(say({ text: '' }, { deadline: begun + ms }), 'deadline_exceeded')
        const took = performance.now() - begun
        assert.ok(took >= ms - 1, `it ended after ${took} ms`)
        await until('the handler is told', () => ended.reason !== undefined || !ended.called)
      }
    }),
    run(
      'tells the handler the deadline',
      { say: (_, { deadline }) => ({ text: deadline === undefined ? 'none' : 'some', count: (deadline ?? 0) - performance.now() }) },
      async ({ say }) => {
        assert.equal((await say({ text: '' })).text, 'none')
        const { count = 0 } = await say({ text: '' }, { deadline: performance.now() + 60_000 })
        assert.ok(count > 30_000 && count < 61_000, `${count} ms are left of 60000`)
      },
    ),
    run('does not send a call whose deadline has passed', { say: (note) => note }, async ({ say }) => {
      await failure(say({ text: '' }, { deadline: performance.now() - 1 }), 'deadline_exceeded')
      assert.equal((await say({ text: 'a' }, { deadline: performance.now() + 10_000 })).text, 'a')
    }),
    run('keeps every call to its own deadline', waiting(), async ({ say }) => {
      // On a busy machine several may pass in one turn, the further apart the less.
      for (const times of [1, 4, 16]) {
        const ends: number[] = []
        const begun = performance.now()
        const calls = [300, 50, 100, 51, 200].map(async (ms) => {
          await failure(say({ text: '' }, { deadline: begun + ms * times }), 'deadline_exceeded')
          const took = performance.now() - begun
          assert.ok(took >= ms * times - 1, `the call of ${ms * times} ms ended after ${took}`)
          ends.push(ms)
        })
        await Promise.all(calls)
        // The two nearest to one another may come in one turn anyway.
        if (ends.filter((ms) => ms !== 51).join() === '50,100,200,300' && ends.indexOf(51) < 2) return
        assert.ok(times < 16, `they ended in the order ${ends}`)
      }
    }),
    run('ends a call when its signal is aborted, on both sides', aborted, async ({ say }) => {
      const abort = new AbortController()
      const call = failure(say({ text: '' }, { signal: abort.signal }), 'canceled')
      await until('the handler is called', () => aborted.called)
      assert.equal(aborted.reason, undefined)
      abort.abort(new Error('enough'))
      assert.match((await call).message, /enough/)
      await until('the handler is told', () => aborted.reason !== undefined)
    }),
    run('does not send a call whose signal is aborted already', { say: (note) => note }, async ({ say, connection }) => {
      const error = await failure(say({ text: '' }, { signal: AbortSignal.abort() }), 'canceled')
      assert.ok(error.unprocessed, 'it was never sent, which `unprocessed` says')
      assert.notEqual(connection.state, 'closed')
    }),
  ]
}

/** A method that is never answered, whether it was called, and why its last call ended. */
function waiting(): Answers & { called: boolean; reason: unknown } {
  const state = {
    called: false,
    reason: undefined as unknown,
    say(_: unknown, context: Context): Promise<never> {
      state.called = true
      state.reason = undefined
      context.signal?.addEventListener('abort', () => {
        state.reason = context.signal?.reason
      })
      return hang(context)
    },
  }
  return state
}
