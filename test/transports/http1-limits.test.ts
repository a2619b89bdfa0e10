import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { gzipSync } from 'node:zlib'
import { create } from '@bufbuild/protobuf'
import { describe, expect, it } from 'vitest'
import type { Endpoint } from '../../src/endpoint.ts'
import { type GrpcOptions, grpc, type ServerLimits } from '../../src/transports/grpc.ts'
import { EchoMessageSchema } from '../gen/echo_pb.ts'
import { contextOf, method } from '../support/context.ts'
import { until } from '../support/echo.ts'

const bound = 20_000
const { path } = method('unary')
const hello = create(EchoMessageSchema, { text: 'hello' })
const head = (length: number | string, more = ''): string =>
  `POST ${path} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n${more}content-length: ${length}\r\n\r\n`
const call = (text = 'hello'): string => {
  const body = JSON.stringify({ text })
  return `${head(body.length)}${body}`
}

interface Client {
  readonly socket: Socket
  readonly heard: () => string
  readonly closed: () => boolean
  /** Milliseconds from the connection to its end. */
  readonly lasted: Promise<number>
}

interface Scene extends AsyncDisposable {
  /** What handlers were asked. */
  readonly asked: readonly string[]
  readonly signals: readonly AbortSignal[]
  /** Lets handlers of `wait` answer. */
  release(): void
  client(): Promise<Client>
  /** Whether gRPC is served to somebody else meanwhile. */
  serves(): Promise<void>
}

/** A server whose handler echoes; `wait` waits, and `big` is 32 MiB. */
async function scene(server: ServerLimits = {}, options: GrpcOptions = {}): Promise<Scene> {
  let release = (): void => {}
  const released = new Promise<void>((resolve) => {
    release = resolve
  })
  const asked: string[] = []
  const signals: AbortSignal[] = []
  const endpoint = (async (one: { text: string }, { signal }) => {
    asked.push(one.text)
    signals.push(signal as AbortSignal)
    if (one.text.startsWith('wait')) await released
    return one.text === 'big' ? create(EchoMessageSchema, { text: 'x'.repeat(33_554_432) }) : create(EchoMessageSchema, { text: 'ok' })
  }) as Endpoint
  const found = { method: method('unary'), endpoint }
  const listener = await grpc({ ...options, server }).listen((one) => (one === path ? found : undefined), { address: '127.0.0.1:0' })
  const good = grpc().dial(listener.address)
  return {
    asked,
    signals,
    release,
    async client() {
      const socket = connect(Number(listener.address.split(':')[1]), '127.0.0.1').on('error', () => {})
      let heard = ''
      let closed = false
      socket.on('data', (chunk) => {
        heard += chunk.toString('latin1')
      })
      await once(socket, 'connect')
      const begun = performance.now()
      const lasted = new Promise<number>((resolve) => {
        socket.once('close', () => {
          closed = true
          resolve(performance.now() - begun)
        })
      })
      return { socket, heard: () => heard, closed: () => closed, lasted }
    },
    async serves() {
      expect(await good.call(hello, contextOf({ deadline: performance.now() + bound }))).toMatchObject({ text: 'ok' })
    },
    async [Symbol.asyncDispose]() {
      release()
      await good.close()
      await listener.close()
    },
  }
}

/** Says a text bit by bit, without an end. */
async function trickle({ socket, closed }: Client, text: string): Promise<void> {
  for (let i = 0; !closed(); i = (i + 1) % text.length) {
    socket.write(text[i] ?? '')
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

describe('a client of HTTP/1.1 that', () => {
  it.each([
    ['says a word of a request', 'POST'],
    ['says some of its headers', 'POST / HTTP/1.1\r\nhost: x\r\n'],
  ])('%s and no more is left after the handshake timeout', async (_, text) => {
    await using one = await scene({ handshakeTimeout: 200 })
    const client = await one.client()
    client.socket.write(text)
    await one.serves()
    expect(await client.lasted).toBeGreaterThan(150)
  })

  it('sends headers bit by bit is left after the handshake timeout', async () => {
    await using one = await scene({ handshakeTimeout: 200 })
    const clients = await Promise.all(Array.from({ length: 20 }, () => one.client()))
    for (const client of clients) client.socket.write('GET /healthz HTTP/1.1\r\nx-slow: ')
    await Promise.all([...clients.map((client) => trickle(client, 'loris')), one.serves()])
    await one.serves()
  })

  it('sends headers of a later request bit by bit is left as well', async () => {
    await using one = await scene({ handshakeTimeout: 1000 })
    const client = await one.client()
    client.socket.write(call())
    await until('the first answer', () => client.heard().includes('"ok"'), bound)
    client.socket.write('GET /healthz HTTP/1.1\r\nx-slow: ')
    await trickle(client, 'loris')
    expect(client.heard()).toContain('408 Request Timeout')
    await one.serves()
  })

  it('sends a body bit by bit is left after the request timeout', async () => {
    await using one = await scene({ requestTimeout: 300 })
    const client = await one.client()
    client.socket.write(head(1_000_000))
    await trickle(client, 'loris')
    expect(client.heard()).toContain('408 Request Timeout')
    await one.serves()
  })

  it('does not take its answer is left after the request timeout', async () => {
    await using one = await scene({ requestTimeout: 500 })
    await one.serves()
    const sockets = (): number => process.getActiveResourcesInfo().filter((name) => name === 'TCPSocketWrap').length
    const before = sockets()
    const client = await one.client()
    client.socket.pause()
    client.socket.write(call('big'))
    await until('the call', () => one.asked.includes('big'), bound)
    await until('only its own end is left', () => sockets() <= before + 1, bound)
    // What the system still has for it comes before the end.
    client.socket.resume()
    await client.lasted
    expect(client.heard().length).toBeLessThan(33_554_432)
    await one.serves()
  })

  it('waits for a handler for longer than that is not left', async () => {
    await using one = await scene({ requestTimeout: 500 })
    const client = await one.client()
    client.socket.write(call('wait'))
    await new Promise((resolve) => setTimeout(resolve, 2000))
    expect(client.closed()).toBe(false)
    one.release()
    await until('the answer', () => client.heard().includes('"ok"'), bound)
    client.socket.destroy()
  })

  it('calls nothing is left after the idle timeout', async () => {
    await using one = await scene({ idleTimeout: 200 })
    const client = await one.client()
    client.socket.write(call())
    expect(await client.lasted).toBeGreaterThan(150)
    expect(client.heard()).toContain('"ok"')
  })

  it('has been there for too long is told so with its next answer', async () => {
    await using one = await scene({ maxAge: 1000 })
    const client = await one.client()
    client.socket.write(call())
    await until('the first answer', () => client.heard().includes('"ok"'), bound)
    expect(client.heard()).not.toContain('connection: close')
    await new Promise((resolve) => setTimeout(resolve, 1500))
    expect(client.closed()).toBe(false)
    client.socket.write(call())
    await client.lasted
    expect(client.heard()).toMatch(/connection: close\r\n.*"ok"\}$/s)
  })

  it('has been there for too long is cut after the grace', async () => {
    await using one = await scene({ maxAge: 100, maxAgeGrace: 100 })
    const client = await one.client()
    client.socket.write(call('wait'))
    expect(await client.lasted).toBeGreaterThan(150)
  })

  it('is one too many is turned away, and does not hurt those that are there', async () => {
    await using one = await scene({ maxConnections: 3 })
    await one.serves()
    const first = await one.client()
    first.socket.write('POST')
    const more = await Promise.all(Array.from({ length: 20 }, () => one.client()))
    await until('most are turned away', () => more.filter(({ closed }) => closed()).length >= 19, bound)
    first.socket.write(call().slice(4))
    await until('the answer', () => first.heard().includes('"ok"'), bound)
    await one.serves()
    for (const { socket } of [first, ...more]) socket.destroy()
  })

  it('sends more requests at once than there is room for has the rest refused', async () => {
    await using one = await scene({ maxBufferBytes: 65_536 }, { maxReceiveBytes: 100_000 })
    const client = await one.client()
    const large = call(`wait${'x'.repeat(60_000)}`)
    client.socket.write(`${large}${large}${call()}`)
    await until('the last call', () => one.asked.includes('hello'), bound)
    await one.serves()
    one.release()
    await until('all answers', () => client.heard().match(/HTTP\/1\.1 /g)?.length === 3, bound)
    expect(client.heard().match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 200', 'HTTP/1.1 429', 'HTTP/1.1 200'])
    expect(client.heard()).toContain('server.maxBufferBytes')
    // What was answered takes no room any more.
    client.socket.write(large)
    await until('the next answer', () => client.heard().match(/HTTP\/1\.1 200/g)?.length === 3, bound)
    client.socket.destroy()
  })

  it('does not wait for its answers is left as soon as server.maxPipelined are under way', async () => {
    await using one = await scene({ maxPipelined: 2 })
    const client = await one.client()
    client.socket.write(call('wait').repeat(2))
    await until('both calls', () => one.asked.length === 2, bound)
    expect(client.closed()).toBe(false)
    client.socket.write(call())
    await client.lasted
    expect(one.asked).toEqual(['wait', 'wait'])
    await one.serves()
  })

  it('goes away takes its waiting requests with it, and the room that they take', async () => {
    await using one = await scene({ maxBufferBytes: 1_048_576, maxTotalBufferBytes: 1_048_576 }, { maxReceiveBytes: 600_000 })
    const large = `wait${'x'.repeat(500_000)}`
    for (let i = 1; i <= 3; i++) {
      const client = await one.client()
      client.socket.write(`${call('wait')}${call(large)}`)
      await until('both calls', () => one.asked.length === 2 * i, bound)
      client.socket.destroy()
      await until('their end', () => one.signals.every(({ aborted }) => aborted), bound)
    }
    expect(one.signals.map(({ reason }) => reason.code)).toEqual(Array(6).fill('canceled'))
    expect(one.asked.filter((text) => text === large)).toHaveLength(3)
  })

  it('goes away while its message is inflated has no handler called', async () => {
    await using one = await scene({}, { maxReceiveBytes: 2_000_000 })
    // Takes its time: blanks without an order.
    const blanks = randomBytes(1_900_000).map((byte) => [9, 10, 13, 32][byte % 4] as number)
    const inflating = (text: string): Buffer => gzipSync(Buffer.concat([Buffer.from(JSON.stringify({ text })), blanks]))
    const gone = inflating('gone')
    for (let i = 0; i < 8; i++) {
      const { socket } = await one.client()
      const left = once(socket, 'close')
      socket.write(head(gone.length, 'content-encoding: gzip\r\n'))
      socket.write(gone, () => socket.destroy())
      await left
    }
    const last = await one.client()
    const stays = inflating('hello')
    last.socket.write(head(stays.length, 'content-encoding: gzip\r\n'))
    last.socket.write(stays)
    await until('the last answer', () => last.heard().includes('"ok"'), bound)
    expect(one.asked).toEqual(['hello'])
    last.socket.destroy()
  })

  it('leaves answers unread has the others refused beyond server.maxBufferBytes', async () => {
    await using one = await scene({ maxBufferBytes: 1_048_576 }, { maxReceiveBytes: 100_000 })
    const client = await one.client()
    client.socket.pause()
    client.socket.write(`${call('big')}${call('big')}${call('big')}`)
    await until('the calls', () => one.asked.length === 3, bound)
    client.socket.resume()
    await until('all answers', () => client.heard().match(/HTTP\/1\.1 /g)?.length === 3, bound)
    expect(client.heard().match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 200', 'HTTP/1.1 429', 'HTTP/1.1 429'])
    client.socket.destroy()
  })
})
