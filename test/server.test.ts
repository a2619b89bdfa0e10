import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { afterEach, describe, expect, it } from 'vitest'
import { closeClient, createClient, createServer, type ErrorDetail, type Handlers, RpcError, silent } from '../src/index.ts'
import { memory } from '../src/registries/memory.ts'
import type { Registrar } from '../src/registry.ts'
import type { StandardService } from '../src/standard.ts'
import { Echo } from './gen/echo_pb.ts'
import { echoHandlers, startEcho, until } from './support/echo.ts'

const opened: { close(): Promise<void> }[] = []
afterEach(async () => {
  for (const one of opened.splice(0).reverse()) await one.close()
})

describe('server', () => {
  it('serves and stops though a service that follows its state throws', async () => {
    const registry = memory()
    const moody: StandardService = (view) => {
      view.onState((state) => {
        throw new Error(`not ${state}`)
      })
      return []
    }
    const server = await startEcho({ registry, services: [moody], logger: silent })
    await server.close()
    expect([server.state, server.registration?.state]).toEqual(['closed', 'gone'])
  })

  it('registers where it listens, with what it offers', async () => {
    const registry = memory()
    opened.push(registry, await startEcho({ registry, who: 'one', version: '1.2', weight: 2, zone: 'z', metadata: { colour: 'blue' } }))
    const seen = await new Promise((resolve) => {
      const stop = registry.watch('echo', {
        update(all) {
          if (all.size === 0) return
          queueMicrotask(() => stop())
          resolve([...all])
        },
        error() {},
      })
    })
    expect(seen).toMatchObject([
      {
        id: 'one',
        service: 'echo',
        address: expect.stringMatching(/^127\.0\.0\.1:\d+$/),
        version: '1.2',
        weight: 2,
        zone: 'z',
        metadata: { colour: 'blue', protocol: 'grpc' },
      },
    ])
    expect(JSON.stringify(seen)).toContain('"name":"Echo.Unary"')
  })

  it('advertises the address it is told to, with the port it listens on where none is given', async () => {
    const registry = memory()
    opened.push(registry)
    const server = await startEcho({ registry, who: 'one', advertise: 'example.test' })
    opened.push(server)
    expect(server.registration?.instance.address).toBe(`example.test:${server.address.split(':')[1]}`)
  })

  it.each([
    ['::1', '[::1]:<port>'],
    ['[::1]', '[::1]:<port>'],
    ['[::1]:80', '[::1]:80'],
    ['h:80', 'h:80'],
    ['http://h:80', 'http://h:80'],
  ])('advertises %s as %s', async (advertise, registered) => {
    const registry = memory()
    opened.push(registry)
    const server = await startEcho({ registry, advertise })
    opened.push(server)
    expect(server.registration?.instance.address).toBe(registered.replace('<port>', server.address.split(':')[1] ?? ''))
  })

  it('takes handlers from an instance of a class, which may have fields of its own', async () => {
    class Counting {
      readonly #who: string
      calls = 0
      constructor(who: string) {
        this.#who = who
      }
      unary() {
        return { text: this.#who, count: ++this.calls }
      }
      once = echoHandlers('').once
      collect = echoHandlers('').collect
      expand = echoHandlers('').expand
      chat = echoHandlers('').chat
    }
    const server = createServer({ name: 'counting', address: '127.0.0.1:0', signals: false })
    opened.push(await server.handle(Echo, new Counting('me')).start())
    await using echo = createClient(Echo, { addresses: [server.address] })
    await echo.unary({})
    expect(await echo.unary({})).toMatchObject({ text: 'me', count: 2 })
  })

  it('says which address is taken', async () => {
    const first = await startEcho()
    opened.push(first)
    await expect(startEcho({ address: first.address })).rejects.toMatchObject({
      name: 'RpcError',
      message: expect.stringContaining(first.address),
    })
  })

  it('listens no more when it cannot register', async () => {
    const refusing: Registrar = { register: () => Promise.reject(new Error('the registry says no')) }
    const first = await startEcho()
    const { address } = first
    await first.close()
    await expect(startEcho({ registry: refusing, address })).rejects.toThrow('the registry says no')
    opened.push(await startEcho({ address }))
  })

  it('closes and says what is left behind when it cannot deregister', async () => {
    const registry = memory()
    const stubborn: Registrar = {
      register: async (instance) => ({
        ...(await registry.register(instance)),
        instance,
        deregister: () => Promise.reject(new RpcError('unavailable', 'the registry is away')),
      }),
    }
    const lines: string[] = []
    const logger = { ...silent, warn: (fields: object, message: string) => lines.push(`${Object.keys(fields)}: ${message}`) }
    const server = await startEcho({ registry: stubborn, logger, id: 'echo-1' })
    await server.close()
    expect(server.state).toBe('closed')
    const rest = 'its record goes when its lease ends'
    expect(lines).toEqual([`service,instance,err: echo-1 could not be deregistered, ${rest}: unavailable: the registry is away`])
    await registry.close()
  })

  it('names the method for which a handler is missing or unknown', () => {
    const { once: _, ...missing } = echoHandlers('x')
    expect(() => createServer({ name: 'x' }).handle(Echo, missing as Handlers<typeof Echo>)).toThrow(
      /handle\(beckon\.test\.Echo\): method "once" has no handler/,
    )
    const extra = { ...echoHandlers('x'), twice: () => ({}) }
    expect(() => createServer({ name: 'x' }).handle(Echo, extra)).toThrow(/no method "twice"; it has unary, once, collect, expand, chat/)
  })

  it('names the option that is wrong', () => {
    expect(() => createServer({ name: '' })).toThrow(/name must be a non-empty string/)
    expect(() => createServer({ name: 'x', weight: 0 })).toThrow(/weight must be/)
    expect(() => createServer({ name: 'x', grace: -1 })).toThrow(/grace \(ms\) must be/)
    expect(() => createServer({ name: 'x', propagation: Number.NaN })).toThrow(/propagation \(ms\) must be/)
    for (const advertise of ['', 'h:', 'a b', ':80'])
      expect(() => createServer({ name: 'x', advertise })).toThrow(/createServer: advertise must be host:port or a host, got "/)
  })

  it('answers an unknown method with unimplemented, naming it', async () => {
    const server = createServer({ name: 'empty', address: '127.0.0.1:0', signals: false, propagation: 0 })
    opened.push(await server.start())
    const echo = createClient(Echo, { addresses: [server.address] })
    await expect(echo.unary({})).rejects.toMatchObject({
      code: 'unimplemented',
      rawMessage: expect.stringContaining('/beckon.test.Echo/Unary'),
    })
    await closeClient(echo)
  })

  it('deregisters before it stops serving, and finishes what is in flight', async () => {
    const registry = memory()
    opened.push(registry)
    const events: string[] = []
    let release = (): void => {}
    const held = new Promise<void>((resolve) => {
      release = resolve
    })
    const server = await startEcho({
      registry,
      who: 'one',
      propagation: 100,
      changes: { once: () => held.then(() => ({ text: 'finished' })) },
    })
    let instances = -1
    const stop = registry.watch('echo', {
      update(all) {
        instances = all.size
        events.push(`${all.size} registered`)
      },
      error() {},
    })
    const echo = createClient(Echo, { addresses: [server.address] })
    await until('the first set', () => instances === 1)
    const inFlight = echo.once({})
    await echo.unary({})
    const closed = server.close().then(() => events.push('closed'))
    await until('the empty set', () => instances === 0)
    events.push((await echo.unary({})).text)
    release()
    events.push((await inFlight).text)
    await closed
    expect(events).toEqual(['1 registered', '0 registered', 'one', 'finished', 'closed'])
    expect(server.state).toBe('closed')
    stop()
    await closeClient(echo)
  })

  it('cuts off what is still in flight when the grace is over', async () => {
    const server = await startEcho({ grace: 50, changes: { once: () => new Promise(() => {}) } })
    const echo = createClient(Echo, { addresses: [server.address], retry: false })
    const hanging = expect(echo.once({})).rejects.toMatchObject({ code: 'unavailable' })
    await echo.unary({})
    await server.close()
    await hanging
    await closeClient(echo)
  })

  it.each(['SIGTERM', 'SIGINT'] as const)('on %s deregisters, drains and exits with 0', async (signal) => {
    const child = spawn(process.execPath, ['--import', 'tsx', new URL('./support/lifecycle-child.ts', import.meta.url).pathname], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    try {
      let output = ''
      child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
        output += chunk
      })
      await until('the child to serve', () => output.includes('serving'), 20_000)
      child.kill(signal)
      const [code] = await once(child, 'exit')
      expect(code).toBe(0)
      expect(output.trim().split('\n')).toEqual(['registered', 'serving', 'deregistered'])
    } finally {
      child.kill('SIGKILL')
    }
  })

  it('sends headers that a stream’s handler knows only after its first request', async () => {
    const server = await startEcho({
      changes: {
        async chat(requests, { replyHeaders }) {
          const messages = requests[Symbol.asyncIterator]()
          const first = await messages.next()
          await new Promise((resolve) => setTimeout(resolve, 20))
          replyHeaders?.set('x-first', first.done ? '' : first.value.text)
          return echoHandlers('after').chat({ [Symbol.asyncIterator]: () => messages }, {} as never)
        },
      },
    })
    opened.push(server)
    await using echo = createClient(Echo, { addresses: [server.address] })
    let told: string | undefined
    const answers: string[] = []
    for await (const { text } of echo.chat([{ text: 'a' }, { text: 'b' }], { onHeaders: (headers) => (told = headers.get('x-first')) }))
      answers.push(text)
    expect(told).toBe('a')
    expect(answers).toEqual(['after: b'])
  })

  it.each([
    ['what has no text', Object.create(null), 'unknown', 500],
    ['a message that is no text', Object.assign(new Error(), { message: { a: 1 } }), 'unknown', 500],
    ['a code that is none', new RpcError('cancelled' as 'canceled', 'x'), 'unknown', 500],
    ['metadata with a bad name', new RpcError('aborted', 'x', { metadata: [['Not A Name', 'v']] }), 'aborted', 409],
    ['metadata that is no ASCII', new RpcError('aborted', 'x', { metadata: [['name', 'ü\r\nb: c']] }), 'aborted', 409],
    ['details without a value', new RpcError('aborted', 'x', { details: [{ type: 'a.B' } as ErrorDetail] }), 'aborted', 409],
  ])('answers with an error also where a handler throws %s', async (_, thrown, code, status) => {
    const server = await startEcho({
      changes: {
        unary() {
          throw thrown
        },
      },
    })
    opened.push(server)
    await using echo = createClient(Echo, { addresses: [server.address], retry: false })
    await expect(echo.unary({})).rejects.toMatchObject({ code })
    const headers = { 'content-type': 'application/json' }
    const reply = await fetch(`http://${server.address}/beckon.test.Echo/Unary`, { method: 'POST', headers, body: '{}' })
    expect(reply.status).toBe(status)
    expect(await reply.json()).toHaveProperty('code')
  })

  it('says of a stream’s handler that its promise brings no stream', async () => {
    const server = await startEcho({ changes: { expand: (async () => 7) as never } })
    opened.push(server)
    await using echo = createClient(Echo, { addresses: [server.address] })
    await expect(echo.expand({})[Symbol.asyncIterator]().next()).rejects.toThrow(/internal: .*must return an async iterable/)
  })

  it('is found by what follows the last dot of the service, as go-micro calls it', async () => {
    const server = await startEcho({ who: 'one' })
    opened.push(server)
    const { defineService, unary } = await import('../src/index.ts')
    const asGoMicro = defineService('any.name.at.all.Echo', { unary: unary<{ count: number }, { text: string }>() })
    const client = createClient(asGoMicro, { addresses: [server.address] })
    expect(await client.unary({ count: 1 })).toMatchObject({ text: 'one' })
    await closeClient(client)
  })
})
