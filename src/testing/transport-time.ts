import assert from 'node:assert/strict'
import type { Case } from './case.ts'
import { type Between, failure, hang, until } from './transport-bench.ts'

/** Deadlines and cancellation of calls. */
export function timeCases(run: Between): readonly Case[] {
  let reason: unknown
  const waits = {
    say(_: unknown, context: Parameters<typeof hang>[0]): Promise<never> {
      reason = undefined
      context.signal?.addEventListener('abort', () => {
        reason = context.signal?.reason
      })
      return hang(context)
    },
  }
  return [
    run('ends a call at its deadline, on both sides', waits, async ({ say }) => {
      const begun = performance.now()
      await failure(say({ text: '' }, { deadline: begun + 60 }), 'deadline_exceeded')
      const took = performance.now() - begun
      assert.ok(took >= 59, `it ended after ${took} ms`)
      await until('the handler is told', () => reason !== undefined)
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
    run('keeps every call to its own deadline', waits, async ({ say }) => {
      let ends: number[] = []
      let begun: number
      let late: boolean
      do {
        ends = []
        begun = performance.now()
        const calls = [300, 50, 100, 51, 200].map((ms) =>
          failure(say({ text: '' }, { deadline: begun + ms }), 'deadline_exceeded').then(() => {
            ends.push(ms)
            assert.ok(performance.now() - begun >= ms - 1, `the call of ${ms} ms ended after ${performance.now() - begun}`)
          }),
        )
        // A machine so busy that the first deadline had passed before all calls were made shows nothing of their order.
        late = performance.now() - begun >= 50
        await Promise.all(calls)
      } while (late)
      // The two nearest to one another may come in one turn.
      assert.deepEqual(
        ends.filter((ms) => ms !== 51),
        [50, 100, 200, 300],
      )
      assert.ok(ends.indexOf(51) < 2)
    }),
    run('ends a call when its signal is aborted, on both sides', waits, async ({ say }) => {
      const abort = new AbortController()
      const call = say({ text: '' }, { signal: abort.signal })
      setTimeout(() => abort.abort(new Error('enough')), 20)
      assert.match((await failure(call, 'canceled')).message, /enough/)
      await until('the handler is told', () => reason !== undefined)
    }),
    run('does not send a call whose signal is aborted already', { say: (note) => note }, async ({ say, connection }) => {
      const error = await failure(say({ text: '' }, { signal: AbortSignal.abort() }), 'canceled')
      assert.ok(error.unprocessed)
      assert.notEqual(connection.state, 'closed')
    }),
  ]
}
