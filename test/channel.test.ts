import { afterEach, describe, expect, it } from 'vitest'
import { roundRobin } from '../src/balancers/round-robin.ts'
import {
  type Client,
  createChannel,
  createClient,
  type Load,
  type Middleware,
  type NodeStatus,
  RpcError,
  type Server,
} from '../src/index.ts'
import { memory } from '../src/registries/memory.ts'
import type { Registry } from '../src/registry.ts'
import { Echo } from './gen/echo_pb.ts'
import { startEcho, until } from './support/echo.ts'

const opened: { close(): Promise<void> }[] = []
afterEach(async () => {
  for (const one of opened.splice(0).reverse()) await one.close()
})

function open<T extends { close(): Promise<void> }>(one: T): T {
  opened.push(one)
  return one
}

function channelTo(registry: Registry, options: Partial<Parameters<typeof createChannel>[0]> = {}) {
  return open(createChannel({ service: 'echo', registry, balancer: roundRobin(), ...options }))
}

/** A client that does nothing by itself beyond what the channel does. */
function clientOf(channel: ReturnType<typeof createChannel>): Client<typeof Echo> {
  return createClient(Echo, { channel, retry: false })
}

async function start(registry: Registry, who: string, options: Parameters<typeof startEcho>[0] = {}): Promise<Server> {
  return open(await startEcho({ registry, who, ...options }))
}

const ready = (nodes: readonly NodeStatus[]) => nodes.filter((node) => node.state === 'ready').map((node) => node.instance.id)

describe('channel', () => {
  it('waits for a first instance', async () => {
    const registry = open(memory())
    const echo = clientOf(channelTo(registry))
    const reply = echo.unary({ count: 7 })
    await start(registry, 'late')
    expect(await reply).toMatchObject({ text: 'late', count: 7 })
  })

  it('says what is missing and where when there is no instance until the deadline', async () => {
    const echo = clientOf(channelTo(open(memory())))
    const error = await echo.unary({}, { timeout: 50 }).catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(RpcError)
    expect(error).toMatchObject({ code: 'unavailable', unprocessed: true })
    expect((error as RpcError).message).toMatch(/^unavailable: no instances of "echo" in memory/)
  })

  it('waits no longer than it is told to', async () => {
    const echo = clientOf(channelTo(open(memory()), { wait: 0 }))
    await expect(echo.unary({}, { timeout: 60_000 })).rejects.toMatchObject({ code: 'unavailable' })
  })

  it.each([
    [{ wait: -1 }, 'channel to "echo": wait (ms) must be a number ≥ 0, got -1'],
    [{ drain: Number.NaN }, 'channel to "echo": drain (ms) must be a number ≥ 0, got NaN'],
    [{ reconnect: { factor: 0 } }, 'channel to "echo": reconnect.factor must be a number ≥ 1, got 0'],
  ])('refuses %j by name', (options, message) => {
    expect(() => channelTo(open(memory()), options)).toThrow(message)
  })

  it('gives up waiting when the caller does', async () => {
    const echo = clientOf(channelTo(open(memory())))
    const controller = new AbortController()
    const reply = echo.unary({}, { signal: controller.signal })
    controller.abort()
    await expect(reply).rejects.toMatchObject({ code: 'canceled' })
  })

  it('rejects those who wait when it is closed', async () => {
    const channel = channelTo(open(memory()))
    const reply = clientOf(channel).unary({})
    await channel.close()
    await expect(reply).rejects.toMatchObject({ code: 'canceled', rawMessage: 'channel to "echo" is closed' })
  })

  it('names the addresses when instances are known but none can be reached', async () => {
    const registry = open(memory())
    await registry.register({ id: 'dead', service: 'echo', address: '127.0.0.1:1' })
    const error = await clientOf(channelTo(registry))
      .unary({}, { timeout: 1000 })
      .catch((thrown: unknown) => thrown)
    expect((error as RpcError).message).toMatch(
      /^unavailable: the only instance of "echo" in memory cannot be reached \(127\.0\.0\.1:1\); .*ECONNREFUSED/,
    )
  })

  it('names some of the addresses where many cannot be reached', async () => {
    const registry = open(memory())
    for (let i = 10; i < 30; i++) await registry.register({ id: `i${i}`, service: 'echo', address: `127.0.0.1:${i}` })
    const echo = clientOf(channelTo(registry, { wait: 50 }))
    await expect(echo.unary({})).rejects.toMatchObject({
      rawMessage: expect.stringMatching(/^none of the 20 instances of "echo" in memory can be reached \((127\.0\.0\.1:\d+, ){8}…\)/),
    })
  })

  it('spreads calls over the instances, one connection each', async () => {
    const registry = open(memory())
    for (const who of ['a', 'b', 'c']) await start(registry, who)
    const channel = channelTo(registry)
    await until('three ready nodes', () => ready(channel.nodes).length === 3)
    const echo = clientOf(channel)
    const answers: string[] = []
    for (let i = 0; i < 6; i++) answers.push((await echo.unary({})).text)
    expect([...answers].sort()).toEqual(['a', 'a', 'b', 'b', 'c', 'c'])
  })

  it('takes a node out of the pick when its connection breaks, not when its record goes, and back when it is there again', async () => {
    const registry = open(memory())
    await start(registry, 'stays')
    const goes = await startEcho({ who: 'goes' })
    await registry.register({ id: 'goes', service: 'echo', address: goes.address })
    const channel = channelTo(registry)
    await until('both ready', () => ready(channel.nodes).length === 2)
    await goes.close()
    await until('one ready', () => ready(channel.nodes).length === 1)
    expect(channel.nodes.map((node) => node.instance.id)).toEqual(['goes', 'stays'])
    const echo = clientOf(channel)
    for (let i = 0; i < 4; i++) expect((await echo.unary({})).text).toBe('stays')
    await start(registry, 'again', { address: goes.address, registry: undefined })
    await until('both ready again', () => ready(channel.nodes).length === 2)
  })

  it('keeps connection and load of an instance whose record changes', async () => {
    const registry = open(memory())
    const server = await start(registry, 'a')
    const states: string[] = []
    const channel = channelTo(registry, {
      onChange: (nodes) => states.push(nodes.map((node) => `${node.state} ${node.instance.version}`).join()),
    })
    await clientOf(channel).unary({})
    const before = channel.nodes[0]
    await server.registration?.update({ ...server.registration.instance, version: '2' })
    await until('the new version', () => channel.nodes[0]?.instance.version === '2')
    expect(channel.nodes[0]).toBe(before)
    expect(states.at(-1)).toBe('ready 2')
    expect(states.filter((state) => state.startsWith('connecting'))).toHaveLength(1)
  })

  it('connects anew when an instance moves to another address', async () => {
    const registry = open(memory())
    const first = await startEcho({ who: 'first' })
    const second = open(await startEcho({ who: 'second' }))
    open(first)
    const registration = await registry.register({ id: 'moving', service: 'echo', address: first.address })
    const channel = channelTo(registry)
    const echo = clientOf(channel)
    expect((await echo.unary({})).text).toBe('first')
    await registration.update({ ...registration.instance, address: second.address })
    await until('the answer of the second', async () => (await echo.unary({})).text === 'second')
  })

  it('lets calls finish at an instance that has left the registry', async () => {
    const registry = open(memory())
    let release = (): void => {}
    const held = new Promise<void>((resolve) => {
      release = resolve
    })
    const server = await start(registry, 'slow', { changes: { once: () => held.then(() => ({ text: 'done' })) } })
    const channel = channelTo(registry)
    const reply = clientOf(channel).once({})
    await until('the call in flight', () => (channel.nodes[0]?.state ?? '') === 'ready')
    await server.registration?.deregister()
    await until('an empty set', () => channel.nodes.length === 0)
    release()
    expect((await reply).text).toBe('done')
  })

  it('prefers instances that have not been tried', async () => {
    const registry = open(memory())
    for (const who of ['a', 'b']) await start(registry, who)
    const channel = channelTo(registry)
    await until('both ready', () => ready(channel.nodes).length === 2)
    const method = Object.values((await import('../src/index.ts')).toService(Echo).methods)[0]
    if (method === undefined) throw new Error('Echo has no methods')
    const { Headers } = await import('../src/index.ts')
    for (let i = 0; i < 4; i++) {
      const reply = await channel.call({}, { method, headers: new Headers(), tried: ['a'] })
      expect(reply).toMatchObject({ text: 'b' })
    }
  })

  it('makes node middleware once per node', async () => {
    const registry = open(memory())
    for (const who of ['a', 'b']) await start(registry, who)
    let made = 0
    const counting: Middleware = (next) => {
      let calls = 0
      made++
      return (request, context) => {
        context.headers.set('x-calls', String(++calls))
        return next(request, context)
      }
    }
    const channel = channelTo(registry, { nodeMiddleware: [counting] })
    await until('both ready', () => ready(channel.nodes).length === 2)
    const echo = clientOf(channel)
    for (let i = 0; i < 6; i++) await echo.unary({})
    expect(made).toBe(2)
  })

  it('sends a call to another node when the first certainly did not process it', async () => {
    const registry = open(memory())
    for (const who of ['a', 'b']) await start(registry, who)
    let refusals = 0
    const refusing: Middleware = (next) => (request, context) => {
      if (context.instance?.id !== 'a') return next(request, context)
      refusals++
      return Promise.reject(new RpcError('unavailable', 'refused', { unprocessed: true, outbound: true }))
    }
    const channel = channelTo(registry, { nodeMiddleware: [refusing] })
    await until('both ready', () => ready(channel.nodes).length === 2)
    const echo = clientOf(channel)
    for (let i = 0; i < 4; i++) expect((await echo.once({})).text).toBe('b')
    expect(refusals).toBeGreaterThan(0)
  })

  it('sends a call to another node when the connection broke while middleware of the first had it wait', async () => {
    const registry = open(memory())
    const goes = await startEcho({ who: 'a' })
    await registry.register({ id: 'a', service: 'echo', address: goes.address })
    let goOn = (): void => {}
    const gate = new Promise<void>((resolve) => {
      goOn = resolve
    })
    const waiting: Middleware = (next) => async (request, context) => {
      await gate
      return next(request, context)
    }
    const channel = channelTo(registry, { nodeMiddleware: [waiting] })
    await until('a ready', () => ready(channel.nodes).length === 1)
    const reply = clientOf(channel).once({})
    await start(registry, 'b')
    await until('b ready', () => ready(channel.nodes).length === 2)
    await goes.close()
    await until('a broken', () => channel.nodes[0]?.state === 'broken')
    goOn()
    expect((await reply).text).toBe('b')
  })

  it('ends the measure of an attempt also where middleware throws instead of rejecting', async () => {
    const registry = open(memory())
    await start(registry, 'a')
    let underWay = 0
    const measure = (): Load => ({
      value: 0,
      start() {
        underWay++
        return () => underWay--
      },
    })
    const throwing: Middleware = () => () => {
      throw new RpcError('permission_denied', 'not you')
    }
    const channel = channelTo(registry, { nodeMiddleware: [throwing], balancer: { ...roundRobin(), measure } })
    await expect(clientOf(channel).unary({})).rejects.toMatchObject({ code: 'permission_denied' })
    expect(underWay).toBe(0)
  })

  it('does not send a request stream again once somebody has read from it', async () => {
    const registry = open(memory())
    for (const who of ['a', 'b']) await start(registry, who)
    const reading: Middleware = (next) => async (request, context) => {
      if (context.instance?.id === 'b') return next(request, context)
      await (request as AsyncIterable<unknown>)[Symbol.asyncIterator]().next()
      throw new RpcError('unavailable', 'read and refused', { unprocessed: true, outbound: true })
    }
    const channel = channelTo(registry, { nodeMiddleware: [reading] })
    await until('both ready', () => ready(channel.nodes).length === 2)
    const echo = clientOf(channel)
    const results = await Promise.allSettled([echo.collect([{}, {}]), echo.collect([{}, {}])])
    expect(results.map((result) => (result.status === 'fulfilled' ? result.value.count : result.reason.rawMessage)).sort()).toEqual([
      2,
      'read and refused',
    ])
  })

  it('stops sending a call on after many refusals, and lists every attempt', async () => {
    const registry = open(memory())
    await start(registry, 'a')
    const refusing: Middleware = () => () => Promise.reject(new RpcError('unavailable', 'refused', { unprocessed: true, outbound: true }))
    const echo = clientOf(channelTo(registry, { nodeMiddleware: [refusing] }))
    const error = (await echo.unary({}).catch((thrown: unknown) => thrown)) as RpcError
    expect(error).toMatchObject({ code: 'unavailable', rawMessage: 'refused' })
    expect(error.attempts.length).toBeGreaterThan(10)
    expect(error.attempts[0]).toMatchObject({ instance: 'a', error: { code: 'unavailable' } })
  })
})
