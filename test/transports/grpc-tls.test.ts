import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { connect as plainly } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect, createServer, type PeerCertificate } from 'node:tls'
import { create } from '@bufbuild/protobuf'
import { afterAll, describe, expect, it } from 'vitest'
import type { Endpoint } from '../../src/endpoint.ts'
import type { Routes } from '../../src/transport.ts'
import { type GrpcTlsOptions, grpc } from '../../src/transports/grpc.ts'
import { EchoMessageSchema } from '../gen/echo_pb.ts'
import { makeCertificates } from '../support/certificates.ts'
import { contextOf, failure, method } from '../support/context.ts'
import { until } from '../support/echo.ts'

const hello = create(EchoMessageSchema, { text: 'hello' })
const routes: Routes = () => ({ method: method('unary'), endpoint: (async (request) => request) as Endpoint })
const directories = Array.from({ length: 3 }, () => mkdtempSync(join(tmpdir(), 'beckon-tls-')))
afterAll(() => {
  for (const directory of directories) rmSync(directory, { recursive: true })
})
const [first, second, third] = directories.map((directory) => makeCertificates(directory)) as [Pair, Pair, Pair]
type Pair = ReturnType<typeof makeCertificates>
const pair = ({ cert, key }: Pair): { cert: string; key: string } => ({ cert, key })
const fingerprintOf = ({ cert }: Pair): string => cert.replace(/-----.*-----|\s/g, '')

/** The certificate that a server shows to who asks for a name. */
async function shown(address: string, servername?: string): Promise<string> {
  const port = Number(address.split(':')[1])
  const named = servername === undefined ? {} : { servername }
  const socket = connect({ host: '127.0.0.1', port, ALPNProtocols: ['h2'], rejectUnauthorized: false, ...named })
  await once(socket, 'secureConnect')
  const { raw }: PeerCertificate = socket.getPeerCertificate()
  socket.destroy()
  return raw.toString('base64')
}

const unary = (address: string, tls: GrpcTlsOptions): Promise<unknown> => {
  const connection = grpc({ tls }).dial(address)
  return connection.call(hello, contextOf()).finally(() => connection.close())
}

describe('a server over TLS', () => {
  it('shows the certificate of the name that is asked for', async () => {
    const tls = { ...pair(first), names: { 'Two.example': pair(second), '*.three.example': pair(third) } }
    const listener = await grpc({ tls }).listen(routes, { address: '127.0.0.1:0' })
    expect(await shown(listener.address)).toBe(fingerprintOf(first))
    expect(await shown(listener.address, 'elsewhere')).toBe(fingerprintOf(first))
    expect(await shown(listener.address, 'two.example')).toBe(fingerprintOf(second))
    expect(await shown(listener.address, 'a.three.example')).toBe(fingerprintOf(third))
    expect(await shown(listener.address, 'three.example')).toBe(fingerprintOf(first))
    await listener.close()
  })

  it('shows renewed certificates to new connections, and keeps those there are', async () => {
    let now: GrpcTlsOptions = { ...pair(first), names: { 'two.example': pair(first) } }
    const listener = await grpc({ tls: () => now, server: { tlsRefresh: 20 } }).listen(routes, { address: '127.0.0.1:0' })
    const old = grpc({ tls: { ca: first.ca } }).dial(listener.address)
    await old.call(hello, contextOf())
    now = { ...pair(second), names: { 'two.example': pair(third) } }
    await until('it is renewed', async () => (await shown(listener.address)) === fingerprintOf(second))
    expect(await shown(listener.address, 'two.example')).toBe(fingerprintOf(third))
    expect(await old.call(hello, contextOf())).toMatchObject({ text: 'hello' })
    expect(await unary(listener.address, { ca: second.ca })).toMatchObject({ text: 'hello' })
    expect(await failure(unary(listener.address, { ca: first.ca }))).toMatchObject({ code: 'unavailable' })
    await old.close()
    await listener.close()
  })

  it('asks for certificates of a renewed authority', async () => {
    let now: GrpcTlsOptions = { ...pair(first), ca: first.ca, requestCert: true }
    const listener = await grpc({ tls: () => now, server: { tlsRefresh: 20 } }).listen(routes, { address: '127.0.0.1:0' })
    expect(await unary(listener.address, { ca: first.ca, ...pair(first) })).toMatchObject({ text: 'hello' })
    now = { ...now, ca: second.ca }
    await until('it is renewed', () =>
      unary(listener.address, { ca: first.ca, ...pair(second) }).then(
        () => true,
        () => false,
      ),
    )
    expect(await failure(unary(listener.address, { ca: first.ca, ...pair(first) }))).toMatchObject({ code: 'unavailable' })
    await listener.close()
  })

  it('keeps its certificates, with a warning, when new ones cannot be read', async () => {
    let now: GrpcTlsOptions = pair(first)
    const warnings: Error[] = []
    const listen = (one: Error): void => void warnings.push(one)
    process.on('warning', listen)
    const listener = await grpc({ tls: () => now, server: { tlsRefresh: 20 } }).listen(routes, { address: '127.0.0.1:0' })
    now = { cert: 'x', key: 'y' }
    await until('it warns', () => warnings.some(({ message }) => /certificates cannot be read again.*tls\.cert/.test(message)))
    expect(await shown(listener.address)).toBe(fingerprintOf(first))
    process.off('warning', listen)
    await listener.close()
  })

  it('leaves clients that do not agree on a protocol', async () => {
    const listener = await grpc({ tls: pair(first) }).listen(routes, { address: '127.0.0.1:0' })
    for (const offer of [{}, { ALPNProtocols: ['spdy/3'] }]) {
      const socket = connect({ host: '127.0.0.1', port: Number(listener.address.split(':')[1]), rejectUnauthorized: false, ...offer })
      socket.on('error', () => {}).resume()
      await new Promise((resolve) => socket.once('close', resolve))
    }
    await listener.close()
  })
})

describe('a server over TLS that is not done with a handshake', () => {
  // A record of the handshake that announces 512 bytes.
  const record = Buffer.from([22, 3, 1, 2, 0, 1, 0, 1, 252, 3, 3])

  it.each<[string, readonly number[]]>([
    ['says nothing', []],
    ['begins it', [...record]],
    ['speaks something else', [...Buffer.from('GET / HTTP/1.1\r\n\r\n')]],
  ])('leaves a client that %s, in time', async (_, bytes) => {
    const listener = await grpc({ tls: pair(first), server: { handshakeTimeout: 150 } }).listen(routes, { address: '127.0.0.1:0' })
    const socket = plainly(Number(listener.address.split(':')[1]), '127.0.0.1')
      .on('error', () => {})
      .resume()
    let closed = false
    socket.on('close', () => {
      closed = true
    })
    if (bytes.length > 0) socket.write(Uint8Array.from(bytes))
    await until('it is closed', () => closed, 8000)
    await listener.close()
  })
})

describe('a client over TLS', () => {
  it('leaves servers that do not agree on HTTP/2', async () => {
    const server = createServer(pair(first), (socket) => socket.on('error', () => {}).resume()).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const error = await failure(unary(`127.0.0.1:${(server.address() as { port: number }).port}`, { ca: first.ca }))
    expect(error).toMatchObject({ code: 'unavailable', unprocessed: true })
    expect(error.message).toContain('ALPN')
    server.close()
  })

  it('reads its certificates anew for every connection', async () => {
    const listener = await grpc({ tls: { ...pair(first), ca: first.ca, requestCert: true } }).listen(routes, { address: '127.0.0.1:0' })
    let now: GrpcTlsOptions = { ca: first.ca, ...pair(second) }
    const transport = grpc({ tls: () => now })
    const call = (): Promise<unknown> => {
      const connection = transport.dial(listener.address)
      return connection.call(hello, contextOf()).finally(() => connection.close())
    }
    expect(await failure(call())).toMatchObject({ code: 'unavailable' })
    now = { ca: first.ca, ...pair(first) }
    expect(await call()).toMatchObject({ text: 'hello' })
    await listener.close()
  })
})
