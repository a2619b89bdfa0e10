import { afterEach, describe, expect, it } from 'vitest'
import { Health, HealthCheckResponse_ServingStatus as Status } from '../../src/gen/grpc/health/v1/health_pb.ts'
import { type Client, closeClient, createClient, type Server, type ServerOptions } from '../../src/index.ts'
import { memory } from '../../src/registries/memory.ts'
import { type HealthService, health } from '../../src/services/health.ts'
import { startEcho, until } from '../support/echo.ts'

const opened: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const close of opened.splice(0).reverse()) await close()
})

interface Started {
  readonly server: Server
  readonly status: HealthService
  readonly client: Client<typeof Health>
}

async function start(options: Partial<ServerOptions> = {}): Promise<Started> {
  const status = health()
  const server = await startEcho({ services: [status], ...options })
  const client = createClient(Health, { addresses: [server.address], retry: false })
  // The server first, which ends watches; the client waits for them.
  opened.push(
    async () => closeClient(client),
    () => server.close(),
  )
  return { server, status, client }
}

/** Reads a watch as far as it comes. */
function follow(client: Client<typeof Health>, service = ''): { readonly seen: Status[]; readonly ended: Promise<unknown> } {
  const seen: Status[] = []
  const read = async (): Promise<void> => {
    for await (const { status } of client.watch({ service })) seen.push(status)
  }
  return { seen, ended: read().catch((error: unknown) => error) }
}

describe('health', () => {
  it('tells of the server, of its name and of each contract', async () => {
    const { client } = await start()
    for (const service of ['', 'echo', 'beckon.test.Echo', 'grpc.health.v1.Health'])
      expect(await client.check({ service })).toMatchObject({ status: Status.SERVING })
    expect(Object.keys((await client.list({})).statuses).sort()).toEqual(['', 'beckon.test.Echo', 'echo', 'grpc.health.v1.Health'])
  })

  it('does not know what the server has not', async () => {
    const { client } = await start()
    await expect(client.check({ service: 'other.Service' })).rejects.toMatchObject({
      code: 'not_found',
      message: expect.stringContaining('echo has no service "other.Service"'),
    })
    const { seen } = follow(client, 'other.Service')
    await until('an answer', () => seen.length > 0)
    expect(seen).toEqual([Status.SERVICE_UNKNOWN])
  })

  it('is told to watchers when it changes, and only then', async () => {
    const { client, status } = await start()
    const whole = follow(client)
    const one = follow(client, 'beckon.test.Echo')
    await until('the first answers', () => whole.seen.length + one.seen.length === 2)
    status.set(false, 'beckon.test.Echo')
    await until('the change', () => one.seen.length === 2)
    expect(await client.check({ service: 'beckon.test.Echo' })).toMatchObject({ status: Status.NOT_SERVING })
    status.set(false)
    await until('the other change', () => whole.seen.length === 2)
    status.set(true)
    status.set(true, 'beckon.test.Echo')
    await until('both back', () => whole.seen.length + one.seen.length === 6)
    const expected = [Status.SERVING, Status.NOT_SERVING, Status.SERVING]
    expect(whole.seen).toEqual(expected)
    expect(one.seen).toEqual(expected)
  })

  it('serves no more while the server drains, and a watch does not hold the server up', async () => {
    const registry = memory()
    opened.push(() => registry.close())
    const { server, client } = await start({ registry, propagation: 300, grace: 60_000 })
    const watch = follow(client)
    await until('the first answer', () => watch.seen.length === 1)
    const closing = server.close()
    await until('the change', () => watch.seen.length === 2)
    expect(server.state).toBe('draining')
    expect(await client.check({})).toMatchObject({ status: Status.NOT_SERVING })
    await closing
    expect(watch.seen).toEqual([Status.SERVING, Status.NOT_SERVING])
    expect(await watch.ended).toMatchObject({ code: 'unavailable' })
  })

  it('is not among what the server advertises, and leaves short names to the contracts that are', async () => {
    const registry = memory()
    opened.push(() => registry.close())
    const { server } = await start({ registry })
    expect(server.registration?.instance.endpoints?.map(({ name }) => name)).toEqual(expect.not.arrayContaining(['Health.Check']))
  })
})
