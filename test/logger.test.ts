import { once } from 'node:events'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type DevRegistry, startRegistry } from '../src/dev/index.ts'
import { closeClient, createClient, createServer, type Logger } from '../src/index.ts'
import { logging } from '../src/middleware/logging.ts'
import { etcd } from '../src/registries/etcd.ts'
import { Echo } from './gen/echo_pb.ts'
import { collect } from './support/context.ts'
import { echoHandlers } from './support/echo.ts'

/** Fails whatever it is told, as a logger does whose file is gone. */
function broken(): Logger & { readonly told: readonly string[] } {
  const told: string[] = []
  const fail = (_: object, message: string): never => {
    told.push(message)
    throw new Error('disk full')
  }
  return { told, debug: fail, info: fail, warn: fail, error: fail }
}

describe('a logger that throws', () => {
  let dev: DevRegistry
  const logger = broken()
  beforeAll(async () => {
    dev = await startRegistry({ logger })
  })
  afterAll(() => dev.close())

  it('fails no call and no registration, and is told of once', async () => {
    const warned = once(process, 'warning')
    const registry = etcd({ endpoints: [dev.address], logger })
    const server = createServer({
      name: 'echo',
      address: '127.0.0.1:0',
      signals: false,
      propagation: 0,
      registry,
      logger,
      middleware: [logging({ logger })],
    })
    await server.handle(Echo, echoHandlers('me')).start()
    const echo = createClient(Echo, { service: 'echo', registry, logger, middleware: [logging({ logger })] })
    expect(await echo.unary({})).toMatchObject({ text: 'me' })
    expect(await collect(echo.expand({ count: 3 }))).toHaveLength(3)
    await expect(echo.collect([{}], { headers: { te: 'x' } })).rejects.toThrow(/^invalid_argument: header te/)
    await closeClient(echo)
    await server.close()
    expect(server.registration?.state).toBe('gone')
    await registry.close()
    expect((await warned)[0]).toMatchObject({ message: 'beckon: a logger threw: disk full', code: 'BECKON_LOGGER' })
    for (const one of ['serving', 'closed', '/beckon.test.Echo/Unary ok', '/beckon.test.Echo/Expand ok', 'node changed'])
      expect(logger.told).toContain(one)
  })
})
