// What a user sees who got something wrong: one clear sentence that names it, from the calls that a user makes.
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { roundRobin } from '../../src/balancers/round-robin.ts'
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

/** What only JavaScript lets through, an `any` from a configuration, or a factory that nobody has called. */
describe('an option of another type', () => {
  const wrong = (value: unknown): never => value as never
  it.each<[string, () => unknown, string]>([
    ['a server without options', () => createServer(wrong({})), 'createServer: name must be a non-empty string, got ""'],
    ['name', () => createServer({ name: wrong(3) }), 'createServer: name must be a non-empty string, got 3'],
    ['id', () => createServer({ name: 'x', id: wrong('') }), 'createServer: id must be a non-empty string, got ""'],
    ['address', () => createServer({ name: 'x', address: wrong(80) }), 'createServer: address must be a non-empty string, got 80'],
    ['advertise', () => createServer({ name: 'x', advertise: wrong(80) }), 'createServer: advertise must be host:port or a host, got 80'],
    ['weight', () => createServer({ name: 'x', weight: wrong('2') }), 'createServer: weight must be a number > 0, got "2"'],
    ['grace', () => createServer({ name: 'x', grace: wrong('9') }), 'createServer: grace (ms) must be a number ≥ 0, got "9"'],
    [
      'registry',
      () => createServer({ name: 'x', registry: wrong(etcd) }),
      'createServer: registry must be what etcd() makes, got the function etcd',
    ],
    [
      'transport',
      () => createServer({ name: 'x', transport: wrong([grpc]) }),
      'createServer: transport must be what grpc() makes, got [the function grpc]',
    ],
    [
      'middleware',
      () => createServer({ name: 'x', middleware: wrong(grpc) }),
      'createServer: middleware must be a list of functions, got the function grpc',
    ],
    [
      'services',
      () => createServer({ name: 'x', services: wrong({}) }),
      'createServer: services must be a list of functions, got [object Object]',
    ],
    [
      'handle',
      () => createServer({ name: 'x' }).handle(wrong(undefined), {}),
      'contract: must be what defineService() makes or protobuf-es generates, got undefined',
    ],
    [
      'contract',
      () => createClient(wrong('Echo'), { addresses: ['h:1'] }),
      'contract: must be what defineService() makes or protobuf-es generates, got string',
    ],
    [
      'registry of a client',
      () => createClient(Echo, { registry: wrong('etcd') }),
      'channel to "beckon.test.Echo": registry must be what etcd() makes, got "etcd"',
    ],
    ['service', () => createClient(Echo, { addresses: ['h:1'], service: '' }), 'channel: service must be a non-empty string, got ""'],
    [
      'balancer',
      () => createClient(Echo, { addresses: ['h:1'], balancer: wrong(roundRobin) }),
      'channel to "beckon.test.Echo": balancer must be what p2c() makes, got the function roundRobin',
    ],
    [
      'transport of a client',
      () => createClient(Echo, { addresses: ['h:1'], transport: wrong('grpc') }),
      'channel to "beckon.test.Echo": transport must be what grpc() makes, got "grpc"',
    ],
    [
      'filter',
      () => createClient(Echo, { addresses: ['h:1'], filter: wrong('v1') }),
      'channel to "beckon.test.Echo": filter must be a list of functions, got ["v1"]',
    ],
    [
      'nodeMiddleware',
      () => createClient(Echo, { addresses: ['h:1'], nodeMiddleware: wrong(3) }),
      'channel to "beckon.test.Echo": nodeMiddleware must be a list of functions, got 3',
    ],
    [
      'middleware of a client',
      () => createClient(Echo, { addresses: ['h:1'], middleware: wrong([3]) }),
      'client of "beckon.test.Echo": middleware must be a list of functions, got [3]',
    ],
    [
      'timeout',
      () => createClient(Echo, { addresses: ['h:1'], timeout: wrong('500') }),
      'client of "beckon.test.Echo": timeout (ms) must be a number > 0, got "500"',
    ],
    [
      'retry',
      () => createClient(Echo, { addresses: ['h:1'], retry: wrong(3) }),
      'client of "beckon.test.Echo": retry must be false or options like { attempts: 3 }, got 3',
    ],
    [
      'channel',
      () => createClient(Echo, { channel: wrong({}) }),
      'client of "beckon.test.Echo": channel must be what createChannel() makes, got [object Object]',
    ],
    ['a schema', () => unary({ input: wrong({ parse: () => ({}) }), output: wrong(undefined) }), 'schema: must be a Standard Schema'],
  ])('is refused by name: %s', (_, make, message) => {
    expect(make).toThrow(`invalid_argument: ${message}`)
  })
})
