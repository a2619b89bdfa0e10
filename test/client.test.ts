import { getEventListeners } from 'node:events'
import { afterAll, beforeAll, describe, expect, expectTypeOf, it } from 'vitest'
import { z } from 'zod'
import {
  bidi,
  type Client,
  clientStream,
  closeClient,
  createChannel,
  createClient,
  createServer,
  defineService,
  derive,
  Headers,
  type Middleware,
  RpcError,
  type Server,
  serverStream,
  toService,
  unary,
} from '../src/index.ts'
import { memory } from '../src/registries/memory.ts'
import { Echo } from './gen/echo_pb.ts'
import { startEcho, until } from './support/echo.ts'

const Plain = defineService('test.Plain', {
  add: unary({ input: z.object({ a: z.number(), b: z.number() }), output: z.object({ sum: z.number() }) }),
  sum: clientStream<{ n: number }, { sum: number }>(),
  count: serverStream<{ to: number }, { n: number }>(),
  double: bidi<{ n: number }, { n: number }>(),
})

async function collect<T>(stream: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = []
  for await (const one of stream) all.push(one)
  return all
}

/** How many wait for it to be aborted: listeners, and the signals that Node has made of it. */
function followers(signal: AbortSignal): number {
  const made = Object.getOwnPropertySymbols(signal).find(({ description }) => description === 'kDependantSignals')
  const { size = 0 } = (made && (signal as unknown as Record<symbol, { size: number } | null>)[made]) ?? {}
  return size + getEventListeners(signal, 'abort').length
}

const registry = memory()
let server: Server
let plain: Client<typeof Plain>

beforeAll(async () => {
  server = createServer({ name: 'plain', registry, address: '127.0.0.1:0', signals: false, propagation: 0 })
  server.handle(Plain, {
    add: ({ a, b }) => ({ sum: a + b }),
    async sum(requests) {
      let sum = 0
      for await (const { n } of requests) sum += n
      return { sum }
    },
    async *count({ to }) {
      for (let n = 0; n < to; n++) yield { n }
    },
    async *double(requests) {
      for await (const { n } of requests) yield { n: 2 * n }
    },
  })
  await server.start()
  plain = createClient(Plain, { service: 'plain', registry })
})
afterAll(async () => {
  await closeClient(plain)
  await server.close()
  await registry.close()
})

describe('a client of a contract in plain TypeScript', () => {
  it('calls all four kinds', async () => {
    expect(await plain.add({ a: 1, b: 2 })).toEqual({ sum: 3 })
    expect(await plain.sum([{ n: 1 }, { n: 2 }])).toEqual({ sum: 3 })
    expect(await collect(plain.count({ to: 3 }))).toEqual([{ n: 0 }, { n: 1 }, { n: 2 }])
    expect(await collect(plain.double([{ n: 1 }, { n: 2 }]))).toEqual([{ n: 2 }, { n: 4 }])
  })

  it('that is closed leaves a channel it was given to those who share it', async () => {
    const channel = createChannel({ service: 'plain', registry })
    await closeClient(createClient(Plain, { channel }))
    expect(await createClient(Plain, { channel }).add({ a: 1, b: 2 })).toEqual({ sum: 3 })
    await channel.close()
  })

  it('takes an option that is undefined as one that is not given', async () => {
    const nothing = undefined as undefined
    const options = {
      timeout: nothing,
      headers: nothing,
      signal: nothing,
      parent: nothing,
      onHeaders: nothing,
      onTrailers: nothing,
      background: nothing,
    }
    expect(await plain.add({ a: 1, b: 2 }, options)).toEqual({ sum: 3 })
    const Named = defineService('test.Plain', {
      plus: unary<{ a: number; b: number }, { sum: number }>({ name: 'Add', idempotent: nothing }),
    })
    const named = createClient(Named, { service: 'plain', registry, retry: nothing, timeout: nothing })
    expect(await named.plus({ a: 1, b: 2 })).toEqual({ sum: 3 })
    await closeClient(named)
    expect(
      new RpcError('aborted', 'x', { details: nothing, metadata: nothing, attempts: nothing, outbound: nothing, unprocessed: nothing })
        .details,
    ).toEqual([])
  })

  it('takes a channel, or what makes one, not both', () => {
    const channel = createChannel({ service: 'plain', registry })
    expect(() => createClient(Plain, { channel, registry })).toThrow(/client of "test.Plain": .*channel.*registry/)
    void channel.close()
  })

  it('is typed by the contract', () => {
    expectTypeOf(plain.add).parameter(0).toEqualTypeOf<{ a: number; b: number }>()
    expectTypeOf(plain.add).returns.resolves.toEqualTypeOf<{ sum: number }>()
    expectTypeOf(plain.count).returns.toEqualTypeOf<AsyncIterable<{ n: number }>>()
  })

  it('refuses a message that its schema refuses, naming the field', async () => {
    const bad = { a: 1, b: 'two' } as unknown as { a: number; b: number }
    await expect(plain.add(bad)).rejects.toMatchObject({ code: 'invalid_argument', rawMessage: expect.stringMatching(/^b: /) })
  })
})

describe('a call', () => {
  it('times out by its own time, the client’s, and its parent’s, whichever is first', async () => {
    const slow = await startEcho({
      registry,
      changes: { once: (_, { signal }) => new Promise((_, reject) => signal?.addEventListener('abort', () => reject(signal.reason))) },
    })
    const echo = createClient(Echo, { service: 'echo', registry, timeout: 40 })
    const method = toService(Echo).methods.once
    if (method === undefined) throw new Error('no method once')
    await expect(echo.once({})).rejects.toMatchObject({ code: 'deadline_exceeded' })
    await expect(echo.once({}, { timeout: 20 })).rejects.toMatchObject({ code: 'deadline_exceeded' })
    const parent = { method, headers: new Headers(), deadline: performance.now() + 20 }
    await expect(echo.once({}, { parent, timeout: 60_000 })).rejects.toMatchObject({ code: 'deadline_exceeded' })
    const controller = new AbortController()
    const canceled = echo.once({}, { parent: { method, headers: new Headers(), signal: controller.signal }, timeout: 60_000 })
    controller.abort()
    await expect(canceled).rejects.toMatchObject({ code: 'canceled' })
    await closeClient(echo)
    await slow.close()
  })

  it('carries headers out and brings headers and trailers back', async () => {
    const echoing = await startEcho({
      registry,
      changes: {
        unary: (_, context) => {
          context.replyHeaders?.set('x-head', context.headers.get('x-ask') ?? '')
          context.replyTrailers?.set('x-tail-bin', context.headers.getBytes('x-raw-bin') ?? new Uint8Array())
          return {}
        },
      },
    })
    const echo = createClient(Echo, { service: 'echo', registry })
    const seen: Headers[] = []
    const raw = Uint8Array.of(0, 255, 128)
    await echo.unary({}, { headers: { 'x-ask': 'why', 'x-raw-bin': raw }, onHeaders: (h) => seen.push(h), onTrailers: (t) => seen.push(t) })
    expect(seen).toHaveLength(2)
    expect(seen[0]?.get('x-head')).toBe('why')
    expect(Buffer.from(seen[1]?.getBytes('x-tail-bin') ?? [])).toEqual(Buffer.from(raw))
    await closeClient(echo)
    await echoing.close()
  })

  it('leaves nothing on a signal that outlives it', async () => {
    const { signal } = new AbortController()
    const parent = { method: Plain.methods.add, headers: new Headers(), signal: new AbortController().signal }
    const add = plain.add({ a: 1, b: 2 }, { signal, parent })
    expect(followers(signal)).toBe(1)
    await add
    await expect(plain.add({ a: 'x' as never, b: 2 }, { signal, parent })).rejects.toMatchObject({ code: 'invalid_argument' })
    await expect(plain.add({ a: 1, b: 2 }, { signal, parent, timeout: -1 })).rejects.toMatchObject({ code: 'invalid_argument' })
    expect(await collect(plain.count({ to: 3 }, { signal }))).toHaveLength(3)
    for await (const _ of plain.double([{ n: 1 }, { n: 2 }], { signal, parent })) break
    expect(followers(signal)).toBe(0)
    expect(followers(parent.signal)).toBe(0)
  })

  it('is canceled by either of its signals', async () => {
    for (const at of [0, 1]) {
      const [own, outer] = [new AbortController(), new AbortController()]
      const parent = { method: Plain.methods.add, headers: new Headers(), signal: outer.signal }
      const stream = plain.count({ to: 1e9 }, { signal: own.signal, parent })
      const reading = (async () => {
        for await (const { n } of stream) if (n === 2) [own, outer][at]?.abort(new Error('enough'))
      })()
      await expect(reading).rejects.toMatchObject({ code: 'canceled', rawMessage: 'enough' })
      own.abort()
      await expect(plain.add({ a: 1, b: 2 }, { signal: own.signal, parent })).rejects.toMatchObject({ code: 'canceled' })
    }
  })

  it('is canceled at the server when the caller leaves its stream', async () => {
    let stopped = false
    const endless = await startEcho({
      registry,
      changes: {
        async *expand() {
          try {
            for (let count = 0; ; count++) yield { count }
          } finally {
            stopped = true
          }
        },
      },
    })
    const echo = createClient(Echo, { service: 'echo', registry })
    for await (const { count } of echo.expand({})) if (count === 3) break
    await until('the generator to be closed', () => stopped)
    await closeClient(echo)
    await endless.close()
  })

  it('has all the time it needs where the answer is a stream, also when told that its time is undefined', async () => {
    const deadlines: unknown[] = []
    const streaming = await startEcho({
      changes: {
        async *expand(_, { deadline }) {
          deadlines.push(deadline)
          yield {}
        },
      },
    })
    const echo = createClient(Echo, { addresses: [streaming.address] })
    await collect(echo.expand({}))
    await collect(echo.expand({}, { timeout: undefined } as object))
    expect(deadlines).toEqual([undefined, undefined])
    await closeClient(echo)
    await streaming.close()
  })

  it('keeps its headers where middleware changes something else about it, outside and inside of others', async () => {
    const serving = await startEcho({
      middleware: [(next) => (request, context) => next(request, derive(context, { deadline: performance.now() + 500 }))],
      changes: { unary: (_, { headers }) => ({ text: headers.get('x-tenant') ?? 'nobody' }) },
    })
    const hurried: Middleware = (next) => (request, context) => next(request, derive(context, { deadline: performance.now() + 1000 }))
    const echo = createClient(Echo, {
      addresses: [serving.address],
      middleware: [hurried],
      nodeMiddleware: [hurried],
      retry: { perTry: 5000 },
    })
    expect((await echo.unary({}, { headers: { 'x-tenant': 'blue' } })).text).toBe('blue')
    await closeClient(echo)
    await serving.close()
  })

  it('says in one sentence that there is nobody to call', async () => {
    const nobody = createClient(Echo, { service: 'echo', registry: memory() })
    const error = await nobody.unary({}, { timeout: 20 }).catch((thrown: unknown) => thrown)
    expect(String(error)).toBe('RpcError: unavailable: no instances of "echo" in memory')
    await closeClient(nobody)
  })

  it('is refused at once when an option is wrong, naming it', async () => {
    const echo = createClient(Echo, { addresses: ['127.0.0.1:1'] })
    await expect(echo.unary({}, { timeout: 0 })).rejects.toMatchObject({
      code: 'invalid_argument',
      rawMessage: expect.stringContaining('timeout'),
    })
    await expect(echo.unary({}, { headers: { 'bad name': 'x' } })).rejects.toMatchObject({
      code: 'invalid_argument',
      rawMessage: expect.stringContaining('"bad name"'),
    })
    for (const requests of [undefined, {}, { text: 'not in a list' }])
      await expect(echo.collect(requests as never[])).rejects.toMatchObject({
        code: 'invalid_argument',
        rawMessage: expect.stringContaining('/beckon.test.Echo/Collect takes a stream of requests'),
      })
    expect(() => createClient(Echo, {})).toThrow(/either registry or addresses/)
    expect(() => createClient(Echo, { addresses: [] })).toThrow(/addresses must be a list of at least one/)
    expect(() => createClient(Echo, { addresses: ['127.0.0.1:1'], timeout: -1 })).toThrow(/timeout/)
    await closeClient(echo)
  })
})

describe('an error', () => {
  it('that came off the wire as unavailable leaves the next server as internal, unless thrown anew', async () => {
    const broken = await startEcho({
      registry,
      who: 'broken',
      changes: {
        once: () => {
          throw new RpcError('unavailable', 'down the line')
        },
      },
    })
    const inner = createClient(Echo, { addresses: [broken.address], retry: false })
    const front = await startEcho({
      who: 'front',
      changes: {
        once: (request) => inner.once(request),
        unary: async (request) => {
          try {
            return await inner.once(request)
          } catch (error) {
            throw new RpcError('unavailable', 'on purpose', { cause: error })
          }
        },
      },
    })
    const outer = createClient(Echo, { addresses: [front.address], retry: false })
    await expect(outer.once({})).rejects.toMatchObject({ code: 'internal', rawMessage: expect.stringContaining('down the line') })
    await expect(outer.unary({})).rejects.toMatchObject({ code: 'unavailable', rawMessage: 'on purpose' })
    for (const one of [inner, outer]) await closeClient(one)
    for (const one of [front, broken]) await one.close()
  })

  it('does not bring the trailers that it came with to the next server’s callers', async () => {
    const changes = {
      once: () => {
        throw new RpcError('not_found', 'no such thing', {
          metadata: [['x-inner', 'secret']],
          details: [{ type: 'a.B', value: Uint8Array.of(1) }],
        })
      },
    }
    const back = await startEcho({ changes })
    const inner = createClient(Echo, { addresses: [back.address] })
    const front = await startEcho({ changes: { once: (request) => inner.once(request) } })
    const outer = createClient(Echo, { addresses: [front.address] })
    await expect(inner.once({})).rejects.toMatchObject({ metadata: [['x-inner', 'secret']] })
    await expect(outer.once({})).rejects.toMatchObject({ code: 'not_found', metadata: [], details: [{ type: 'a.B' }] })
    for (const one of [inner, outer]) await closeClient(one)
    for (const one of [front, back]) await one.close()
  })
})
