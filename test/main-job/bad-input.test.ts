// What a user sees who got something wrong: one clear sentence that names it, from the calls that a user makes.
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { closeClient, createClient, createServer, defineService, RpcError, unary } from '../../src/index.ts'
import { etcd } from '../../src/registries/etcd.ts'
import { grpc } from '../../src/transports/grpc.ts'
import { Echo } from '../gen/echo_pb.ts'
import { echoHandlers, startEcho } from '../support/echo.ts'
import { enableAuth, freePorts, requireEtcd, startEtcd } from '../support/etcd.ts'

async function failure(promise: Promise<unknown>): Promise<RpcError> {
  const error = await promise.then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  expect(error).toBeInstanceOf(RpcError)
  return error as RpcError
}

/** What comes of starting a server with this registry. */
async function starting(options: Parameters<typeof etcd>[0]): Promise<string> {
  const registry = etcd({ timeout: 1500, ...options })
  const server = createServer({ name: 'echo', registry, address: '127.0.0.1:0', signals: false }).handle(Echo, echoHandlers('x'))
  const { message } = await failure(server.start())
  await registry.close()
  return message
}

describe('a registry', () => {
  it('whose address cannot be read is refused at once, naming it', () => {
    expect(() => etcd({ endpoints: ['127.0.0.1:99999'] })).toThrow(/127\.0\.0\.1:99999/)
  })

  it('that does not run is named by its address, to servers and to callers', async () => {
    const [port] = await freePorts(2)
    const address = `127.0.0.1:${port}`
    expect(await starting({ endpoints: [address] })).toMatch(new RegExp(`^unavailable: .*etcd at ${address}.*ECONNREFUSED`))
    const registry = etcd({ endpoints: [address] })
    const echo = createClient(Echo, { service: 'echo', registry })
    const { message } = await failure(echo.unary({}, { timeout: 300 }))
    expect(message).toMatch(new RegExp(`^unavailable: no instances of "echo" in etcd at ${address}; .*ECONNREFUSED`))
    await closeClient(echo)
    await registry.close()
  })

  it('tells a wrong password, and a user who may not write there', async (ctx) => {
    requireEtcd(ctx)
    await using server = await startEtcd()
    await enableAuth(server, [{ name: 'app', password: 'right', prefix: '/micro/registry/other/' }])
    const endpoints = [server.address]
    expect(await starting({ endpoints, username: 'app', password: 'wrong' })).toMatch(/^unauthenticated: .*app/)
    expect(await starting({ endpoints, username: 'app', password: 'right' })).toMatch(/^permission_denied: /)
  })

  it('tells what is wrong with certificates', async (ctx) => {
    requireEtcd(ctx)
    await using server = await startEtcd({ tls: 'mutual' })
    const endpoints = [server.address]
    const { ca = '' } = server.certificates?.files ?? {}
    expect(await starting({ endpoints, tls: {} })).toMatch(/^unavailable: .*certificate/)
    expect(await starting({ endpoints, tls: { ca: readFileSync(ca) } })).toMatch(/^unavailable: .*(certificate|handshake)/)
    expect(await starting({ endpoints })).toMatch(/^unavailable: /)
  })
})

describe('a call', () => {
  it('names the method that is not there, the limit that is passed, and the option that moves it', async () => {
    const server = await startEcho({ transport: grpc({ maxReceiveBytes: 1000, maxHeaderBytes: 2000 }) })
    const Other = defineService('no.such.Service', { hello: unary<object, object>() })
    const other = createClient(Other, { addresses: [server.address] })
    const echo = createClient(Echo, { addresses: [server.address] })
    expect((await failure(other.hello({}))).message).toMatch(/^unimplemented: .*\/no\.such\.Service\/Hello/)
    expect((await failure(echo.unary({ payload: new Uint8Array(2000) }))).message).toMatch(/^resource_exhausted: .*1000.*maxReceiveBytes/)
    expect((await failure(echo.unary({}, { headers: { 'x-long': 'x'.repeat(3000) } }))).message).toMatch(/^resource_exhausted: .*2000/)
    expect((await echo.unary({ count: 5 })).count).toBe(5)
    await closeClient(other)
    await closeClient(echo)
    await server.close()
  })
})
