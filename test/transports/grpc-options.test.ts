import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer as createHttp1 } from 'node:http'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { create } from '@bufbuild/protobuf'
import { afterAll, describe, expect, it } from 'vitest'
import type { Endpoint } from '../../src/endpoint.ts'
import type { Routes } from '../../src/transport.ts'
import { toSettings } from '../../src/transports/grpc/options.ts'
import { type GrpcOptions, grpc } from '../../src/transports/grpc.ts'
import { EchoMessageSchema } from '../gen/echo_pb.ts'
import { makeCertificates } from '../support/certificates.ts'
import { contextOf, failure, method } from '../support/context.ts'

const hello = create(EchoMessageSchema, { text: 'hello' })
const routes: Routes = () => ({ method: method('unary'), endpoint: (async (request) => request) as Endpoint })

/** Every number among the options: the least and the most of it, and whether it has to be whole. */
const numbers: readonly (readonly [string, number, number, boolean])[] = [
  ['maxReceiveBytes', 1, 0xffffffff, true],
  ['maxSendBytes', 1, 0xffffffff, true],
  ['maxHeaderBytes', 1024, 262_144, true],
  ['connectTimeout', 1, 0x7fffffff, false],
  ['keepalive.interval', 1000, 0x7fffffff, false],
  ['keepalive.timeout', 1, 0x7fffffff, false],
  ['maxConcurrentStreams', 1, 0x7fffffff, true],
  ['streamWindow', 65_535, 0x7fffffff, true],
  ['connectionWindow', 65_535, 0x7fffffff, true],
  ['server.maxConnections', 1, 0x7fffffff, true],
  ['server.handshakeTimeout', 1, 0x7fffffff, false],
  ['server.maxAge', 1, Number.POSITIVE_INFINITY, false],
  ['server.maxAgeGrace', 0, Number.POSITIVE_INFINITY, false],
  ['server.idleTimeout', 1, Number.POSITIVE_INFINITY, false],
  ['server.keepalive.interval', 1000, 0x7fffffff, false],
  ['server.keepalive.timeout', 1, 0x7fffffff, false],
  ['server.minPingInterval', 0, 0x7fffffff, false],
  ['server.maxResets', 1, 0x7fffffff, true],
  ['server.maxControlFrames', 1, 0x7fffffff, true],
  ['server.maxBufferBytes', 65_536, 0x7fffffff, true],
  ['server.maxTotalBufferBytes', 65_536, Number.MAX_SAFE_INTEGER, true],
  ['server.maxHeaderFrames', 1, 0x7fffffff, true],
  ['server.maxPipelined', 1, 0x7fffffff, true],
  ['server.requestTimeout', 1, 0x7fffffff, false],
  ['server.tlsRefresh', 1, 0x7fffffff, false],
]

describe('numbers among the options of grpc', () => {
  const having = (name: string, value: unknown): GrpcOptions =>
    name.split('.').reduceRight<unknown>((inner, part) => ({ [part]: inner }), value) as GrpcOptions

  it.each(numbers)('%s: %d … %d', (name, least, most, whole) => {
    for (const good of [least, most, undefined]) expect(() => grpc(having(name, good))).not.toThrow()
    const bad = [
      least - 1,
      Number.NaN,
      String(least),
      ...(most === Number.POSITIVE_INFINITY ? [] : [most + 1]),
      ...(whole ? [least + 0.5] : []),
    ]
    for (const value of bad) {
      const message = `grpc: ${name} must be a ${whole ? 'whole number' : 'number'} ${least} … ${most}, got ${value}`
      expect(() => grpc(having(name, value))).toThrow(expect.objectContaining({ code: 'invalid_argument', rawMessage: message }))
    }
  })

  it('are all of them', () => {
    const { server, keepalive, ...rest } = toSettings({ server: { random: () => 0 } })
    const named = (prefix: string, values: object): string[] =>
      Object.entries(values).flatMap(([name, value]) => (typeof value === 'number' ? [`${prefix}${name}`] : []))
    const all = [
      ...named('', rest),
      ...named('keepalive.', keepalive ?? {}),
      ...named('server.', server),
      ...named('server.keepalive.', server.keepalive ?? {}),
    ]
    expect(all.filter((name) => !name.endsWith('growth')).sort()).toEqual(numbers.map(([name]) => name).sort())
  })
})

describe('options of grpc', () => {
  it.each<[string, GrpcOptions]>([
    ['maxReceiveBytes', { maxReceiveBytes: 0 }],
    ['maxSendBytes', { maxSendBytes: Number.NaN }],
    ['maxHeaderBytes', { maxHeaderBytes: 10 }],
    ['connectTimeout', { connectTimeout: '3s' as never }],
    ['keepalive.interval', { keepalive: { interval: 10 } }],
    ['keepalive.timeout', { keepalive: { timeout: -1 } }],
    ['maxConcurrentStreams', { maxConcurrentStreams: 0 }],
    ['streamWindow', { streamWindow: 1 }],
    ['connectionWindow', { connectionWindow: 2 ** 31 }],
    ['server.maxConnections', { server: { maxConnections: 0 } }],
    ['server.maxAge', { server: { maxAge: -1 } }],
    ['server.keepalive.interval', { server: { keepalive: { interval: 1 } } }],
    ['http1', { http1: 'no' as never }],
    ['server.pingsWithoutCalls', { server: { pingsWithoutCalls: 1 as never } }],
    ['compression', { compression: 'br' as never }],
    ['userAgent', { userAgent: 'ü' }],
    ['tls.key', { tls: { cert: 'x' } }],
    ['tls', { tls: 'yes' as never }],
  ])('are checked: %s', (name, options) => {
    expect(() => grpc(options)).toThrow(expect.objectContaining({ code: 'invalid_argument', message: expect.stringContaining(name) }))
  })

  it('turn down an address that cannot be read', () => {
    expect(() => grpc().dial('nowhere')).toThrow(/invalid_argument.*nowhere/)
  })

  it('limit what is sent', async () => {
    const listener = await grpc().listen(routes, { address: '127.0.0.1:0' })
    const connection = grpc({ maxSendBytes: 100 }).dial(listener.address)
    const error = await failure(connection.call(create(EchoMessageSchema, { text: 'x'.repeat(200) }), contextOf()))
    expect(error.message).toMatch(/resource_exhausted: .*100 \(maxSendBytes\)/)
    expect(await connection.call(hello, contextOf())).toMatchObject({ text: 'hello' })
    await connection.close()
    await listener.close()
  })

  it('limit how long connecting takes', async () => {
    const server = createServer((socket) => socket.resume())
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const address = `127.0.0.1:${(server.address() as { port: number }).port}`
    const connection = grpc({ connectTimeout: 50 }).dial(address)
    const error = await failure(connection.call(hello, contextOf()))
    expect(error).toMatchObject({ code: 'unavailable', unprocessed: true })
    expect(error.message).toContain(address)
    expect(error.message).toContain('50 ms')
    await new Promise((resolve) => server.close(resolve))
  })
})

describe('TLS', () => {
  const directory = mkdtempSync(join(tmpdir(), 'beckon-'))
  const { ca, cert, key } = makeCertificates(directory)
  const other = makeCertificates(mkdtempSync(join(directory, 'other-')))
  afterAll(() => rmSync(directory, { recursive: true }))

  async function calling(server: GrpcOptions, client: GrpcOptions): Promise<unknown> {
    const listener = await grpc(server).listen(routes, { address: '127.0.0.1:0' })
    const connection = grpc(client).dial(listener.address)
    try {
      return await connection.call(hello, contextOf())
    } finally {
      await connection.close()
      await listener.close()
    }
  }

  it('takes a server that a known authority vouches for', async () => {
    expect(await calling({ tls: { cert, key } }, { tls: { ca } })).toMatchObject({ text: 'hello' })
    expect(await calling({ tls: { cert, key } }, { tls: { ca, servername: 'localhost' } })).toMatchObject({ text: 'hello' })
    expect(await calling({ tls: { cert, key } }, { tls: { rejectUnauthorized: false } })).toMatchObject({ text: 'hello' })
  })

  it.each<[string, GrpcOptions, GrpcOptions, RegExp]>([
    ['an unknown authority', { tls: { cert, key } }, { tls: { ca: other.ca } }, /unavailable: cannot connect to 127.0.0.1:\d+.*tls\.ca/],
    ['another name', { tls: { cert, key } }, { tls: { ca, servername: 'elsewhere' } }, /elsewhere.*tls\.servername/],
    ['a server in plain text', {}, { tls: { ca } }, /unavailable: cannot connect to 127.0.0.1:\d+: .*\(does it speak TLS\?\)$/],
    ['a client in plain text', { tls: { cert, key } }, {}, /unavailable: cannot connect to 127.0.0.1:\d+: .*\(does it want TLS\?\)$/],
    ['a client without a certificate', { tls: { ca, cert, key, requestCert: true } }, { tls: { ca } }, /unavailable: .*127.0.0.1/],
    [
      'a client with a stranger’s',
      { tls: { ca, cert, key, requestCert: true } },
      { tls: { ca, cert: other.cert, key: other.key } },
      /unavailable: .*127.0.0.1/,
    ],
  ])('turns down %s', async (_, server, client, expected) => {
    expect((await failure(calling(server, client))).message).toMatch(expected)
  })

  it('says of what speaks another protocol that it does', async () => {
    await using http = createHttp1()
    const server = http.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const connection = grpc().dial(`127.0.0.1:${(server.address() as AddressInfo).port}`)
    expect((await failure(connection.call(hello, contextOf()))).message).toMatch(/^unavailable: cannot connect to .*it does not speak gRPC/)
    await connection.close()
  })

  it('needs a certificate to listen, and a good one', async () => {
    await expect(grpc({ tls: true }).listen(routes, { address: '127.0.0.1:0' })).rejects.toThrow(/invalid_argument.*tls\.cert/)
    await expect(grpc({ tls: { cert: 'x', key: 'y' } }).listen(routes, { address: '127.0.0.1:0' })).rejects.toMatchObject({
      code: 'invalid_argument',
    })
    expect(() => grpc({ tls: { ca: 'x', cert: 'x', key: 'y' } }).dial('127.0.0.1:1')).toThrow(
      expect.objectContaining({ code: 'invalid_argument' }),
    )
  })
})

describe('a process', () => {
  const run = (body: string): Promise<string> => {
    const script = `import { grpc } from './src/transports/grpc.ts'\nimport { Headers } from './src/headers.ts'\n${body}`
    const args = ['--import', 'tsx', '--input-type=module', '-e', script]
    return new Promise((resolve, reject) => {
      execFile(process.execPath, args, { timeout: 60_000 }, (error, stdout) => (error === null ? resolve(stdout) : reject(error)))
    })
  }
  const call = (address: string, more: string): string => `
    const codec = { name: 'proto', encode: () => new Uint8Array(0), decode: () => ({}) }
    const method = { path: '/a.B/C', kind: 'unary', input: codec, output: codec }
    grpc().dial(${JSON.stringify(address)}).call({}, { method, headers: new Headers(), ${more} }).then(() => console.log('answered'), (e) => console.log(e.code))`

  it('stays for a call, not for a connection or a call in the background', async () => {
    const endpoint = (() => new Promise(() => {})) as Endpoint
    const listener = await grpc().listen(() => ({ method: method('unary'), endpoint }), { address: '127.0.0.1:0' })
    expect(await run(call(listener.address, 'background: true'))).toBe('')
    expect(await run(`grpc().dial(${JSON.stringify(listener.address)})`)).toBe('')
    expect(await run(call(listener.address, 'deadline: performance.now() + 500'))).toBe('deadline_exceeded\n')
    await listener.close()
  }, 180_000)
})
