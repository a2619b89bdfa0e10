import { describe, expect, it } from 'vitest'
import type { Context } from '../../src/endpoint.ts'
import { RpcError } from '../../src/error.ts'
import { type RetryOptions, retry } from '../../src/middleware/retry.ts'
import { type ManualClock, manualClock } from '../../src/testing/index.ts'
import { collect, contextOf, failure, method, playing, streamOf } from '../support/context.ts'

const unavailable = (text = 'connection lost') => new RpcError('unavailable', text, { outbound: true })
const unprocessed = () => new RpcError('unavailable', 'refused', { unprocessed: true, outbound: true })
const expired = () => new RpcError('deadline_exceeded', 'too late')

/** Plays the answers to a call through `retry`, turning the clock until it has ended. */
async function run(answers: readonly unknown[], options: RetryOptions = {}, context: Partial<Context> = {}, request: unknown = {}) {
  const clock = manualClock()
  const next = playing(...answers)
  let ended = false
  const result = retry({ clock, random: () => 0.5, ...options })(next)(request, contextOf(context))
  const over = result.then(
    () => (ended = true),
    () => (ended = true),
  )
  await clock.advance(0)
  for (let i = 0; i < 100 && !ended; i++) await clock.advance(100)
  await over
  return { next, result, clock }
}

/** When attempts are made that all fail. */
async function timesOf(options: RetryOptions): Promise<number[]> {
  const clock = manualClock()
  const times: number[] = []
  const next = async () => {
    times.push(clock.now())
    throw unavailable()
  }
  const failed = failure(retry({ clock, ...options })(next)({}, contextOf()))
  await clock.advance(10_000)
  await failed
  return times
}

describe('retry', () => {
  it('makes a call once when it goes well', async () => {
    const { next, result } = await run(['ok'])
    expect(await result).toBe('ok')
    expect(next.contexts.map(({ deadline }) => deadline)).toEqual([undefined])
  })

  it('repeats what was certainly not processed, whatever the method', async () => {
    const { next, result } = await run([unprocessed(), 'ok'], {}, { method: method('once') })
    expect(await result).toBe('ok')
    expect(next.contexts).toHaveLength(2)
  })

  it('repeats an unavailable of an idempotent method only', async () => {
    expect(await (await run([unavailable(), 'ok'], {}, { method: method('unary') })).result).toBe('ok')
    const { next, result } = await run([unavailable(), 'ok'], {}, { method: method('once') })
    expect((await failure(result)).code).toBe('unavailable')
    expect(next.contexts).toHaveLength(1)
  })

  it.each(['invalid_argument', 'not_found', 'internal', 'resource_exhausted', 'aborted', 'canceled'] as const)(
    'leaves %s alone',
    async (code) => {
      const error = new RpcError(code, 'no')
      const { next, result } = await run([error, 'ok'])
      expect(await failure(result)).toBe(error)
      expect(next.contexts).toHaveLength(1)
    },
  )

  it('leaves what was canceled alone, though nobody has processed it', async () => {
    const { next, result } = await run([new RpcError('canceled', 'enough', { unprocessed: true }), 'ok'])
    expect((await failure(result)).code).toBe('canceled')
    expect(next.contexts).toHaveLength(1)
  })

  it('passes on what is thrown and no RpcError, as it is', async () => {
    const bug = new TypeError('bug')
    await expect((await run([bug, 'ok'])).result).rejects.toBe(bug)
  })

  it('asks for another node', async () => {
    const { next } = await run([unavailable(), unavailable(), 'ok'], {}, { tried: ['earlier'] })
    expect(next.contexts.map(({ tried }) => tried)).toEqual([['earlier'], ['earlier', 'n0'], ['earlier', 'n0', 'n1']])
  })

  it('tells every attempt in the error that remains', async () => {
    const errors = [unavailable('one'), unavailable('two'), new RpcError('not_found', 'three', { metadata: [['k', 'v']] })]
    const error = await failure((await run(errors)).result)
    expect(error.code).toBe('not_found')
    expect(error.message).toBe('not_found: three (after 3 attempts at 10.0.0.1:0, 10.0.0.1:1, 10.0.0.1:2)')
    expect(error.cause).toBe(errors[2])
    expect(error.metadata).toEqual([['k', 'v']])
    expect(error.attempts).toEqual(errors.map((one, i) => ({ instance: `n${i}`, address: `10.0.0.1:${i}`, error: one })))
  })

  it('tells the attempts that the channel made as well', async () => {
    const inner = [
      { instance: 'x', address: 'x:1', error: unprocessed() },
      { instance: 'y', address: 'y:1', error: unavailable() },
    ]
    const last = [{ instance: 'z', address: 'z:1', error: unavailable() }]
    const answers = [new RpcError('unavailable', 'both', { attempts: inner }), new RpcError('not_found', 'no', { attempts: last })]
    const { next, result } = await run(answers)
    expect((await failure(result)).attempts.map(({ instance }) => instance)).toEqual(['x', 'y', 'z'])
    expect(next.contexts[1]?.tried).toEqual(['x', 'y'])
  })

  it('does not name the node of an earlier attempt for one that found none', async () => {
    const clock = manualClock()
    const answers = [unavailable(), new RpcError('not_found', 'no')]
    const next = async (_: unknown, context: Context) => {
      if (answers.length === 2) context.instance = { id: 'a', service: 's', address: 'a:1' }
      throw answers.shift()
    }
    const failed = failure(retry({ clock })(next)({}, contextOf()))
    await clock.advance(100)
    expect((await failed).attempts.map(({ instance }) => instance)).toEqual(['a', undefined])
  })

  it('calls the whole unprocessed only if every attempt was', async () => {
    expect((await failure((await run([unprocessed(), unprocessed()], { attempts: 2 })).result)).unprocessed).toBe(true)
    expect((await failure((await run([unavailable(), unprocessed()], { attempts: 2 })).result)).unprocessed).toBe(false)
  })

  it('waits for 25 ms, and longer each time up to a second', async () => {
    expect(await timesOf({ attempts: 8, random: () => 0.5 })).toEqual([0, 25, 75, 175, 375, 775, 1575, 2575])
  })

  it('waits longer and longer, with jitter', async () => {
    const draws = [0.5, 1, 0]
    const backoff = { base: 100, factor: 2, max: 250, jitter: 0.5 }
    expect(await timesOf({ attempts: 4, random: () => draws.shift() ?? 0.5, backoff })).toEqual([0, 100, 400, 525])
  })

  it('gives up when the signal is aborted while it waits, with the history', async () => {
    const clock = manualClock()
    const caller = new AbortController()
    const failed = failure(retry({ clock })(playing(unavailable()))({}, contextOf({ signal: caller.signal })))
    await clock.advance(1)
    caller.abort()
    const error = await failed
    expect(error.code).toBe('canceled')
    expect(error.attempts.map(({ instance }) => instance)).toEqual(['n0'])
    expect(clock.waiting).toBe(0)
  })

  it('does not wait beyond the deadline', async () => {
    const { next, result } = await run([unavailable(), 'ok'], { backoff: { base: 500, jitter: 0 } }, { deadline: 400 })
    expect((await failure(result)).message).toBe(
      'unavailable: connection lost (after 1 attempt at 10.0.0.1:0; no time is left for another)',
    )
    expect(next.contexts).toHaveLength(1)
  })

  it('has nothing to add where nobody was found to try, and there is no time to wait for somebody', async () => {
    const nobody = unavailable('no instances')
    const call = retry({ clock: manualClock() })(() => Promise.reject(nobody))
    expect(await failure(call({}, contextOf({ deadline: 1 })))).toBe(nobody)
  })

  it('bounds the whole by `timeout`, or by the deadline of the call when that is earlier', async () => {
    const { next } = await run([1], { timeout: 300 })
    expect(next.contexts[0]?.deadline).toBe(300)
    expect((await run([1], { timeout: 300 }, { deadline: 200 })).next.contexts[0]?.deadline).toBe(200)
  })

  it('keeps the history when the whole time is up', async () => {
    const { result } = await run([unavailable(), expired(), 'ok'], { timeout: 5000 })
    const error = await failure(result)
    expect(error.code).toBe('deadline_exceeded')
    expect(error.attempts.map((attempt) => attempt.error.code)).toEqual(['unavailable', 'deadline_exceeded'])
  })

  it('bounds each attempt by `perTry`, and repeats one of an idempotent method that hit it', async () => {
    const { next, result } = await run([expired(), 'ok'], { perTry: 1000, backoff: { base: 50, jitter: 0 } }, { deadline: 3000 })
    expect(await result).toBe('ok')
    expect(next.contexts[0]?.deadline).toBe(1000)
    expect(next.contexts[1]?.deadline).toBe(1050)
    const once = await run([expired(), 'ok'], { perTry: 1000 }, { method: method('once') })
    expect((await failure(once.result)).code).toBe('deadline_exceeded')
  })

  it('does not take the end of the whole for the end of an attempt', async () => {
    const { next, result } = await run([expired(), 'ok'], { perTry: 1000 }, { deadline: 1000 })
    expect((await failure(result)).code).toBe('deadline_exceeded')
    expect(next.contexts).toHaveLength(1)
  })

  it('lets the caller decide what to repeat', async () => {
    const retryable = (error: RpcError) => error.code === 'aborted'
    expect(await (await run([new RpcError('aborted', 'conflict'), 'ok'], { retryable }, { method: method('once') })).result).toBe('ok')
    expect((await failure((await run([unavailable(), 'ok'], { retryable })).result)).code).toBe('unavailable')
  })

  it('stops when the budget is spent', async () => {
    const { next, result } = await run([unavailable(), 'ok'], { budget: { deposit: () => {}, withdraw: () => false } })
    expect((await failure(result)).rawMessage).toContain('the retry budget is spent')
    expect(next.contexts).toHaveLength(1)
  })

  it('does not multiply an outage', async () => {
    const clock = manualClock()
    let calls = 0
    const call = retry({ clock })(async () => {
      calls++
      throw unavailable()
    })
    const all = Promise.all(Array.from({ length: 10_000 }, () => failure(call({}, contextOf()))))
    await clock.advance(5000)
    await all
    expect(calls).toBeLessThan(12_500)
    expect(calls).toBeGreaterThan(12_000)
  })

  it('restarts a server stream before its response is there, not after', async () => {
    const { next, result } = await run([unprocessed(), streamOf(1, unavailable())], {}, { method: method('expand') })
    expect((await failure(collect((await result) as AsyncIterable<unknown>))).rawMessage).toBe('connection lost')
    expect(next.contexts).toHaveLength(2)
  })

  it.each(['collect', 'chat'] as const)('sends the requests of %s again only if none was read', async (name) => {
    const untouched = await run([unprocessed(), 'ok'], {}, { method: method(name) }, streamOf(1, 2))
    expect(await untouched.result).toBe('ok')
    expect(await collect(untouched.next.requests[1] as AsyncIterable<number>)).toEqual([1, 2])

    const clock: ManualClock = manualClock()
    let calls = 0
    const reading = async (requests: unknown) => {
      calls++
      await (requests as AsyncIterable<unknown>)[Symbol.asyncIterator]().next()
      throw unprocessed()
    }
    await failure(retry({ clock })(reading)(streamOf(1, 2), contextOf({ method: method(name) })) as Promise<unknown>)
    expect(calls).toBe(1)
  })

  it.each([
    [{ attempts: 0 }, 'retry: attempts must be an integer ≥ 1, got 0'],
    [{ attempts: 1.5 }, 'retry: attempts must be an integer ≥ 1, got 1.5'],
    [{ timeout: 0 }, 'retry: timeout must be a number > 0, got 0'],
    [{ perTry: -5 }, 'retry: perTry must be a number > 0, got -5'],
    [{ backoff: { jitter: 2 } }, 'retry: backoff.jitter must be a number ≥ 0 and ≤ 1, got 2'],
    [{ backoff: { base: Number.NaN } }, 'retry: backoff.base must be a number ≥ 0, got NaN'],
    [{ attempts: '3' as never }, 'retry: attempts must be an integer ≥ 1, got "3"'],
  ])('refuses %j, by name', (options, message) => {
    expect(() => retry(options)).toThrow(`invalid_argument: ${message}`)
  })
})
