import { Writable } from 'node:stream'
import { pino } from 'pino'
import { describe, expect, it } from 'vitest'
import type { Context, Endpoint } from '../../src/endpoint.ts'
import { type Code, RpcError } from '../../src/error.ts'
import { type LoggingOptions, logging } from '../../src/middleware/logging.ts'
import { manualClock } from '../../src/testing/index.ts'
import { collect, contextOf, failure, method, playing, streamOf } from '../support/context.ts'

/** Logs to a real pino; gives what it wrote. */
function setUp(next: Endpoint, options: Partial<LoggingOptions> = {}) {
  const lines: Record<string, unknown>[] = []
  const sink = new Writable({
    write(chunk, _, done) {
      lines.push(JSON.parse(String(chunk)))
      done()
    },
  })
  const clock = manualClock()
  const call = logging({ logger: pino({ level: 'debug' }, sink), clock, ...options })(next)
  return { lines, clock, call: (context: Partial<Context> = {}, request: unknown = {}) => call(request, contextOf(context)) }
}

describe('logging', () => {
  it('writes one line per call: method, instance, duration, code, attempts', async () => {
    const { lines, call, clock } = setUp(async (_, context) => {
      context.instance = { id: 'i-1', service: 's', address: '10.0.0.1:80' }
      clock.advanceSync(12.3456)
      return 'ok'
    })
    await call()
    expect(lines).toHaveLength(1)
    expect(lines[0]).toMatchObject({
      level: 30,
      method: '/beckon.test.Echo/Unary',
      instance: 'i-1',
      address: '10.0.0.1:80',
      code: 'ok',
      ms: 12.346,
      attempts: 1,
      msg: '/beckon.test.Echo/Unary ok',
    })
  })

  it('names the peer on a server', async () => {
    const { lines, call } = setUp(async () => 'ok')
    await call({ peer: '10.9.9.9:5000' })
    expect(lines[0]).toMatchObject({ peer: '10.9.9.9:5000' })
  })

  it.each([
    ['not_found', 40],
    ['unavailable', 40],
    ['internal', 50],
    ['unknown', 50],
    ['data_loss', 50],
  ] as [Code, number][])('logs %s at level %d, with the error', async (code, level) => {
    const error = new RpcError(code, 'why')
    const { lines, call } = setUp(playing(error))
    expect(await failure(call())).toBe(error)
    expect(lines).toHaveLength(1)
    expect(lines[0]).toMatchObject({ level, code, msg: `/beckon.test.Echo/Unary ${code}: why`, err: { code, rawMessage: 'why' } })
  })

  it('counts attempts, outside of retry and within', async () => {
    const attempts = [1, 2, 3].map(() => ({ error: new RpcError('unavailable', 'x') }))
    const outside = setUp(playing(new RpcError('unavailable', 'x', { attempts })))
    await failure(outside.call())
    expect(outside.lines[0]?.attempts).toBe(3)
    const within = setUp(playing('ok'))
    await within.call({ tried: ['a'] })
    expect(within.lines[0]?.attempts).toBe(2)
  })

  it('logs what went well at the level asked for', async () => {
    const { lines, call } = setUp(playing('ok'), { level: 'debug' })
    await call()
    expect(lines[0]?.level).toBe(20)
  })

  it('logs a client stream with its response', async () => {
    const { lines, call } = setUp(async (requests) => (await collect(requests as AsyncIterable<number>)).length)
    expect(await call({ method: method('collect') }, streamOf(1, 2, 3))).toBe(3)
    expect(lines).toHaveLength(1)
  })

  describe.each(['expand', 'chat'] as const)('on %s', (name) => {
    it('waits for the end of the stream', async () => {
      const { lines, call, clock } = setUp(playing(streamOf(1, 2)))
      const response = (await call({ method: method(name) })) as AsyncIterable<number>
      await clock.advance(100)
      expect(lines).toEqual([])
      expect(await collect(response)).toEqual([1, 2])
      expect(lines).toHaveLength(1)
      expect(lines[0]).toMatchObject({ code: 'ok', ms: 100 })
    })

    it('logs the error in its middle', async () => {
      const { lines, call } = setUp(playing(streamOf(1, new RpcError('unavailable', 'lost'))))
      await failure(collect((await call({ method: method(name) })) as AsyncIterable<number>))
      expect(lines.map(({ code }) => code)).toEqual(['unavailable'])
    })

    it('logs a reader that leaves as canceled', async () => {
      const { lines, call } = setUp(playing(streamOf(1, 2, 3)))
      for await (const _ of (await call({ method: method(name) })) as AsyncIterable<number>) break
      expect(lines.map(({ code }) => code)).toEqual(['canceled'])
    })

    it('logs one that could not begin', async () => {
      const { lines, call } = setUp(playing(new RpcError('unimplemented', 'no')))
      await failure(call({ method: method(name) }))
      expect(lines.map(({ code }) => code)).toEqual(['unimplemented'])
    })
  })
})
