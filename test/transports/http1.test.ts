import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect as connectTls } from 'node:tls'
import { promisify } from 'node:util'
import { gzipSync } from 'node:zlib'
import { create } from '@bufbuild/protobuf'
import { afterEach, describe, expect, it } from 'vitest'
import { protobufService } from '../../src/codecs/protobuf.ts'
import { type Code, type Context, createClient, createServer, defineService, RpcError, type Server, unary } from '../../src/index.ts'
import { memory } from '../../src/registries/memory.ts'
import type { Service } from '../../src/service.ts'
import { health } from '../../src/services/health.ts'
import { type GrpcOptions, grpc } from '../../src/transports/grpc.ts'
import { Echo, type EchoMessage, EchoMessageSchema } from '../gen/echo_pb.ts'
import { makeCertificates } from '../support/certificates.ts'
import { echoHandlers, startEcho, until } from '../support/echo.ts'

const run = promisify(execFile)

const opened: (() => Promise<void> | void)[] = []
afterEach(async () => {
  for (const close of opened.splice(0).reverse()) await close()
})

type Changes = Parameters<typeof echoHandlers>[1]

async function start(changes: Changes = {}, options: GrpcOptions = {}): Promise<Server> {
  const server = await startEcho({ changes, transport: grpc(options) })
  opened.push(() => server.close())
  return server
}

const json = { 'content-type': 'application/json' }

function post(server: Server, body: string | Uint8Array, headers: Record<string, string> = {}, method = 'Unary'): Promise<Response> {
  return fetch(`http://${server.address}/beckon.test.Echo/${method}`, { method: 'POST', body, headers: { ...json, ...headers } })
}

/** What a socket is answered that says these things, one after the other. */
function say(server: Server, ...parts: string[]): Promise<string> {
  const [host, port] = server.address.split(':')
  return new Promise((resolve, reject) => {
    let said = ''
    const socket = connect({ host: host ?? '', port: Number(port), noDelay: true })
    socket.on('data', (chunk) => {
      said += chunk.toString('latin1')
    })
    socket.on('error', reject).on('close', () => resolve(said))
    const next = (): void => {
      const part = parts.shift()
      if (part === undefined) return
      socket.write(part)
      setTimeout(next, 20)
    }
    socket.on('connect', next)
  })
}

describe('HTTP/1.1 on the port of gRPC', () => {
  it('answers JSON, for curl too', async () => {
    const server = await start()
    const reply = await post(server, '{"text":"ä","count":3}')
    expect(reply.status).toBe(200)
    expect(reply.headers.get('content-type')).toBe('application/json')
    expect(await reply.json()).toEqual({ text: 'echo', count: 3 })
    const { stdout } = await run('curl', ['-s', '-H', 'content-type: application/json', '-d', '{}', `${server.address}/Echo/Unary`])
    expect(JSON.parse(stdout)).toEqual({ text: 'echo' })
  })

  it('answers beside gRPC, and one connection after the other', async () => {
    const server = await start()
    const echo = createClient(Echo, { addresses: [server.address] })
    opened.push(() => echo[Symbol.asyncDispose]() as Promise<void>)
    const replies = await Promise.all([post(server, '{}'), echo.unary({}), post(server, '{}'), echo.unary({})])
    expect(replies).toMatchObject([{ status: 200 }, { text: 'echo' }, { status: 200 }, { text: 'echo' }])
  })

  it('is told from HTTP/2 also where its first bytes come one by one', async () => {
    const server = await start()
    const head = 'OST /Echo/Unary HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n'
    expect(await say(server, 'P', head, '{', '}')).toMatch(/^HTTP\/1\.1 200 OK\r\n.*\{"text":"echo"\}$/s)
  })

  it('tells handlers the address of a caller by IPv4 as such, where the port takes IPv6 too, as over gRPC', async () => {
    const server = await startEcho({ address: ':0', changes: { unary: (_, { peer = '' }) => ({ text: peer }) } })
    opened.push(() => server.close())
    const address = `127.0.0.1:${server.address.split(':').at(-1)}`
    const echo = createClient(Echo, { addresses: [address] })
    opened.push(() => echo[Symbol.asyncDispose]() as Promise<void>)
    expect((await echo.unary({})).text).toMatch(/^127\.0\.0\.1:\d+$/)
    const { stdout } = await run('curl', ['-s', '-H', 'content-type: application/json', '-d', '{}', `${address}/Echo/Unary`])
    expect(JSON.parse(stdout).text).toMatch(/^127\.0\.0\.1:\d+$/)
  })

  it('answers contracts in plain TypeScript, naming what a schema refuses', async () => {
    const Plain = defineService('plain.Plain', { twice: unary<{ n: number }, { n: number }>() })
    const server = createServer({ name: 'plain', address: '127.0.0.1:0', signals: false, propagation: 0 })
    server.handle(Plain, { twice: ({ n }) => ({ n: n * 2 }) })
    await server.start()
    opened.push(() => server.close())
    const call = (body: string): Promise<Response> =>
      fetch(`http://${server.address}/plain.Plain/Twice`, { method: 'POST', body, headers: json })
    expect(await (await call('{"n":4}')).json()).toEqual({ n: 8 })
    expect(await (await call('{n')).json()).toMatchObject({ code: 'invalid_argument', message: expect.stringContaining('not JSON') })
  })

  it('carries metadata both ways, trailers under trailer-', async () => {
    const server = await start({
      unary(_, { headers, replyHeaders, replyTrailers }) {
        replyHeaders?.set('x-got', headers.get('x-tenant') ?? '').set('x-key-bin', headers.getBytes('x-key-bin') ?? new Uint8Array(0))
        replyTrailers?.set('x-cost', '7')
        return { text: [...headers].map(([name]) => name).join() }
      },
    })
    const reply = await post(server, '{}', { 'X-Tenant': 'blue', 'x-key-bin': 'AQI', 'connect-protocol-version': '1' })
    expect([...reply.headers]).toEqual(
      expect.arrayContaining([
        ['x-got', 'blue'],
        ['x-key-bin', 'AQI'],
        ['trailer-x-cost', '7'],
      ]),
    )
    expect((await reply.json()) as object).toEqual({ text: expect.not.stringMatching(/connect|content|host/) })
  })

  it.each<[Code, number]>([
    ['canceled', 499],
    ['unknown', 500],
    ['invalid_argument', 400],
    ['deadline_exceeded', 504],
    ['not_found', 404],
    ['already_exists', 409],
    ['permission_denied', 403],
    ['resource_exhausted', 429],
    ['failed_precondition', 400],
    ['aborted', 409],
    ['out_of_range', 400],
    ['unimplemented', 501],
    ['internal', 500],
    ['unavailable', 503],
    ['data_loss', 500],
    ['unauthenticated', 401],
  ])('answers %s with %i', async (code, status) => {
    const details = [{ type: 'google.rpc.Help', value: new Uint8Array([1, 2, 3, 4]) }]
    const server = await start({
      unary() {
        throw new RpcError(code, 'so it is', { details, metadata: [['x-why', 'because']] })
      },
    })
    const reply = await post(server, '{}')
    expect(reply.status).toBe(status)
    expect(reply.headers.get('x-why')).toBe('because')
    expect(await reply.json()).toEqual({ code, message: 'so it is', details: [{ type: 'google.rpc.Help', value: 'AQIDBA' }] })
  })

  it.each<[string, (context: Context) => void, number, string]>([
    [
      'metadata with an error that is none in HTTP/1.1',
      () => {
        // As it may have come from another server, over HTTP/2.
        throw new RpcError('not_found', 'so it is', { metadata: [['x-why', 'a\x01b']] })
      },
      404,
      'so it is',
    ],
    ['a header of HTTP/1.1 itself', ({ replyHeaders }) => replyHeaders?.set('trailer', 'x-cost'), 400, 'header trailer'],
    [
      'details that are none',
      () => {
        throw new RpcError('not_found', 'so it is', { details: [{ type: 'x', value: undefined as never }] })
      },
      404,
      'so it is (its details are left out',
    ],
    [
      'an error without a text',
      () => {
        throw new RpcError('not_found', undefined as never)
      },
      404,
      'undefined',
    ],
    [
      'what cannot be told in words',
      () => {
        throw Object.create(null)
      },
      500,
      '[object Object]',
    ],
  ])('answers a handler that gives %s, and goes on', async (what, wrong, status, message) => {
    const server = await start({
      unary(_, context) {
        wrong(context)
        return {}
      },
    })
    const reply = await post(server, '{}')
    expect(reply.status).toBe(status)
    expect(await reply.json()).toMatchObject({ message: expect.stringContaining(message) })
    const echo = createClient(Echo, { addresses: [server.address], retry: false })
    opened.push(() => echo[Symbol.asyncDispose]() as Promise<void>)
    // What is a header over HTTP/2 may be none here.
    if (!what.includes('HTTP/1.1')) await expect(echo.unary({}, { timeout: 5000 })).rejects.toThrow(message)
    expect((await post(server, '{}', {}, 'Once')).status).toBe(200)
  })

  it('refuses what is no call, each in its way', async () => {
    const server = await start()
    const outcome = async (reply: Promise<Response>): Promise<[number, unknown]> => {
      const { status } = await reply
      const text = await (await reply).text()
      return [status, text.startsWith('{') ? (JSON.parse(text) as { code: string }).code : text]
    }
    const base = `http://${server.address}`
    expect(await outcome(post(server, 'x=1', { 'content-type': 'text/plain' }))).toEqual([
      415,
      expect.stringContaining('speaks application/json or application/proto; the request has content-type text/plain'),
    ])
    const untyped = await fetch(`${base}/beckon.test.Echo/Unary`, { method: 'POST', body: Buffer.from('{}') })
    expect([untyped.status, await untyped.text()]).toEqual([
      415,
      '/beckon.test.Echo/Unary speaks application/json or application/proto; the request has no content-type\n',
    ])
    expect(await outcome(post(server, '{}', {}, 'Expand'))).toEqual([415, expect.stringContaining('is a stream')])
    expect(await outcome(post(server, '{}', {}, 'Nothing'))).toEqual([404, 'unimplemented'])
    expect(await outcome(post(server, '{"count":"many"}'))).toEqual([400, 'invalid_argument'])
    expect(await outcome(post(server, '{}', { 'connect-protocol-version': '2' }))).toEqual([400, 'invalid_argument'])
    expect(await outcome(post(server, '{}', { 'connect-timeout-ms': 'soon' }))).toEqual([400, 'invalid_argument'])
    expect(await outcome(post(server, '{}', { 'content-encoding': 'br' }))).toEqual([501, 'unimplemented'])
    expect(await outcome(fetch(`${base}/beckon.test.Echo/Unary`))).toEqual([405, '/beckon.test.Echo/Unary is called by POST\n'])
    expect(await outcome(fetch(`${base}/`))).toEqual([404, 'unimplemented'])
  })

  it('takes messages up to a size, compressed or not', async () => {
    const server = await start({}, { maxReceiveBytes: 1000 })
    const fits = `{"text":"${'x'.repeat(900)}"}`
    const over = `{"text":"${'x'.repeat(200_000)}"}`
    expect((await post(server, fits)).status).toBe(200)
    expect((await post(server, gzipSync(fits), { 'content-encoding': 'gzip' })).status).toBe(200)
    for (const reply of [post(server, over), post(server, gzipSync(over), { 'content-encoding': 'gzip' })])
      expect(await (await reply).json()).toMatchObject({ code: 'resource_exhausted', message: expect.stringContaining('1000') })
    const chunk = `${(50_000).toString(16)}\r\n${'x'.repeat(50_000)}\r\n`
    const head =
      'POST /Echo/Unary HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n'
    expect(await say(server, head, chunk, chunk, '0\r\n\r\n')).toMatch(/^HTTP\/1\.1 429 /)
  })

  it.each(['gzip', 'GZIP', 'Identity'])('takes a message of no bytes as it is, where it is said to be %s', async (encoding) => {
    expect(await (await post(await start(), '', { 'content-encoding': encoding })).json()).toEqual({ text: 'echo' })
  })

  it('takes names of compressions as HTTP does, in capitals too', async () => {
    const reply = await post(await start(), gzipSync('{"count":2}'), { 'content-encoding': 'GZIP' })
    expect(await reply.json()).toEqual({ text: 'echo', count: 2 })
  })

  it('finds what a target names together with its host', async () => {
    const server = await start()
    const call = ['-s', '-H', 'content-type: application/json', '-d', '{}', '--request-target', `http://${server.address}/Echo/Unary`]
    expect(JSON.parse((await run('curl', [...call, `http://${server.address}`])).stdout)).toEqual({ text: 'echo' })
    const look = ['-s', '--request-target', 'https://other.example/healthz?now', `http://${server.address}`]
    expect((await run('curl', look)).stdout).toBe('serving\n')
  })

  it('keeps to the deadline that the caller gives', async () => {
    let reason: unknown
    const server = await start({
      unary: (_, { signal, deadline }) =>
        new Promise(() => {
          expect(deadline).toBeLessThanOrEqual(performance.now() + 50)
          signal?.addEventListener('abort', () => {
            reason = signal.reason
          })
        }),
    })
    const reply = await post(server, '{}', { 'connect-timeout-ms': '50' })
    expect(reply.status).toBe(504)
    expect(reason).toMatchObject({ code: 'deadline_exceeded' })
  })

  it('calls no handler when the deadline has passed while the request was still on its way', async () => {
    let calls = 0
    const server = await start({ unary: () => ({ count: ++calls }) })
    const head = (timeout: number): string =>
      `POST /Echo/Unary HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\nconnect-timeout-ms: ${timeout}\r\ncontent-length: 2\r\n\r\n`
    const close = 'GET /healthz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n'
    expect(await say(server, head(1), '{', `}${close}`)).toMatch(/^HTTP\/1\.1 504 .*"deadline_exceeded".*serving\n$/s)
    expect(calls).toBe(0)
    expect(await say(server, head(60_000), '{', `}${close}`)).toMatch(/^HTTP\/1\.1 200 /)
  })

  it('cancels a call whose caller goes away', async () => {
    let signal: AbortSignal | undefined
    const server = await start({
      unary: (_, context) =>
        new Promise(() => {
          signal = context.signal
        }),
    })
    const leaving = new AbortController()
    const options = { method: 'POST', body: '{}', headers: json, signal: leaving.signal }
    const reply = fetch(`http://${server.address}/Echo/Unary`, options).catch(() => {})
    await until('the call', () => signal !== undefined)
    leaving.abort()
    await until('its end', () => signal?.aborted === true)
    expect(signal?.reason).toMatchObject({ code: 'canceled' })
    await reply
  })

  it('lets a GET call only what has no side effects', async () => {
    const { methods } = protobufService(Echo)
    const safe: Service = {
      name: 'safe.Echo',
      methods: { unary: { ...methods.unary, path: '/safe.Echo/Unary', noSideEffects: true } as never },
    }
    const server = createServer({ name: 'safe', address: '127.0.0.1:0', signals: false, propagation: 0 })
    await server.handle(safe, { unary: echoHandlers('safe').unary } as never).start()
    opened.push(() => server.close())
    const get = async (query: string): Promise<unknown> => (await fetch(`http://${server.address}/safe.Echo/Unary?${query}`)).json()
    expect(await get(`connect=v1&encoding=json&message=${encodeURIComponent('{"count":2}')}`)).toEqual({ text: 'safe', count: 2 })
    expect(await get(`encoding=json&base64=1&message=${Buffer.from('{"count":2}').toString('base64url')}`)).toEqual({
      text: 'safe',
      count: 2,
    })
    expect((await fetch(`http://${server.address}/safe.Echo/Unary?encoding=xml&message=x`)).status).toBe(415)
    expect(await get('connect=v2&encoding=json&message=x')).toMatchObject({ code: 'invalid_argument' })
  })

  it('hangs up on a client that does not wait for any answer', async () => {
    let calls = 0
    const server = await start({
      unary: () =>
        new Promise(() => {
          calls++
        }),
    })
    const one = 'POST /Echo/Unary HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}'
    expect(await say(server, one.repeat(100))).toBe('')
    expect(calls).toBeLessThanOrEqual(32)
  })

  it('can be switched off', async () => {
    const server = await start({}, { http1: false })
    expect(await say(server, 'GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n')).toMatch(/^HTTP\/1\.1 505 /)
  })

  it('takes a request in two TLS records while the answer before it is still on its way', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'beckon-http1-'))
    opened.push(() => rmSync(directory, { recursive: true }))
    const { cert, key } = makeCertificates(directory)
    const text = 'x'.repeat(12_000_000)
    let calls = 0
    const unary = async (): Promise<EchoMessage> => create(EchoMessageSchema, calls++ === 0 ? { text } : { text: 'last' })
    const server = await start({ unary }, { tls: { cert, key } })
    const [host, port] = server.address.split(':')
    const socket = connectTls({ host: host ?? '', port: Number(port), rejectUnauthorized: false, ALPNProtocols: ['http/1.1'] })
    opened.push(() => void socket.destroy())
    await once(socket, 'secureConnect')
    const ask = (): void => {
      socket.write('POST /beckon.test.Echo/Unary HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n')
      socket.write('{}')
    }
    ask()
    await once(socket, 'readable')
    ask()
    // Time to come to the server, whose answer is more than the system takes for a client that does not read.
    await new Promise((resolve) => setTimeout(resolve, 100))
    let end = ''
    socket.on('data', (chunk) => {
      end = (end + chunk.toString('latin1')).slice(-100)
    })
    await until('its answer', () => end.endsWith('{"text":"last"}') || socket.destroyed)
    expect(end).toMatch(/{"text":"last"}$/)
  })

  it('is spoken over TLS as well, where the client asks for it', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'beckon-http1-'))
    opened.push(() => rmSync(directory, { recursive: true }))
    const { cert, key, files } = makeCertificates(directory)
    const server = await start({}, { tls: { cert, key } })
    const args = ['-s', '--cacert', files.ca, '--http1.1', '-H', 'content-type: application/json', '-d', '{}']
    expect(JSON.parse((await run('curl', [...args, `https://${server.address}/Echo/Unary`])).stdout)).toEqual({ text: 'echo' })
    await expect(run('curl', [...args, '--no-alpn', `https://${server.address}/Echo/Unary`])).rejects.toThrow()
  })
})

describe('GET /healthz', () => {
  it('says that the server serves, and then that it drains, while calls are still answered', async () => {
    const registry = memory()
    const server = await startEcho({ registry, propagation: 300 })
    opened.push(() => registry.close())
    const look = async (): Promise<[number, string]> => {
      const reply = await fetch(`http://${server.address}/healthz`)
      return [reply.status, await reply.text()]
    }
    expect(await look()).toEqual([200, 'serving\n'])
    const closing = server.close()
    expect(await look()).toEqual([503, 'not serving\n'])
    expect((await post(server, '{}')).status).toBe(200)
    await closing
  })

  it('says what the health service says of the whole server', async () => {
    const status = health()
    const server = await startEcho({ services: [status] })
    opened.push(() => server.close())
    const look = async (): Promise<number> => (await fetch(`http://${server.address}/healthz`)).status
    status.set(false, 'beckon.test.Echo')
    expect(await look()).toBe(200)
    status.set(false)
    expect(await look()).toBe(503)
    status.set(true)
    expect(await look()).toBe(200)
  })
})

describe('a listener that closes', () => {
  it('lets a call over HTTP/1.1 finish, and does not wait for idle connections', async () => {
    let finish: (() => void) | undefined
    const server = await startEcho({
      grace: 60_000,
      changes: {
        once: () =>
          new Promise((resolve) => {
            finish = () => resolve({ text: 'late' })
          }),
      },
    })
    await (await post(server, '{}')).text()
    const reply = post(server, '{}', {}, 'Once')
    await until('the call', () => finish !== undefined)
    const closing = server.close()
    await until('the listener to be closed', () =>
      post(server, '{}')
        .then(() => false)
        .catch(() => true),
    )
    finish?.()
    expect((await reply).headers.get('connection')).toBe('close')
    expect(await (await reply).json()).toEqual({ text: 'late' })
    await closing
  })
})

describe('cors', () => {
  const origin = 'https://shop.example'
  const preflight = (server: Server, from: string): Promise<Response> =>
    fetch(`http://${server.address}/Echo/Unary`, {
      method: 'OPTIONS',
      headers: { origin: from, 'access-control-request-method': 'POST', 'access-control-request-headers': 'content-type,x-tenant' },
    })

  it('lets pages of the origins given call, and see what they are answered', async () => {
    const server = await start(
      { unary: (_, { replyTrailers }) => ({ text: String(replyTrailers?.set('x-cost', '7').size) }) },
      { cors: { origins: [origin] } },
    )
    const asked = await preflight(server, origin)
    expect(asked.status).toBe(204)
    expect(Object.fromEntries(asked.headers)).toMatchObject({
      'access-control-allow-origin': origin,
      'access-control-allow-methods': 'GET, POST',
      'access-control-allow-headers': 'content-type,x-tenant',
      vary: expect.stringContaining('origin'),
    })
    const { headers } = await post(server, '{}', { origin })
    expect(headers.get('access-control-allow-origin')).toBe(origin)
    expect(headers.get('access-control-expose-headers')).toContain('trailer-x-cost')
    for (const other of [await preflight(server, 'https://evil.example'), await post(server, '{}', { origin: 'https://evil.example' })])
      expect(other.headers.has('access-control-allow-origin')).toBe(false)
  })

  it('lets any page call where it says so, and none where it says nothing', async () => {
    const any = await start({}, { cors: { origins: '*' } })
    expect((await post(any, '{}', { origin })).headers.get('access-control-allow-origin')).toBe('*')
    const none = await start()
    expect((await preflight(none, origin)).status).toBe(405)
    expect((await post(none, '{}', { origin })).headers.has('access-control-allow-origin')).toBe(false)
  })

  it('refuses what is no origin', () => {
    expect(() => grpc({ cors: { origins: ['shop.example'] } })).toThrow(
      /cors\.origins must be '\*' or origins like https:\/\/shop\.example/,
    )
  })
})
