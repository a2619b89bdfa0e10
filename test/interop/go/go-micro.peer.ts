import { describe, expect, it } from 'vitest'
import { createClient, RpcError } from '../../../src/index.ts'
import { Echo } from '../../gen/echo_pb.ts'
import { listen } from '../../registries/etcd/bench.ts'
import { collect, failure, streamOf } from '../../support/context.ts'
import { startEcho } from '../../support/echo.ts'
import { fleet, Plain, service, versions } from './go-micro.ts'

describe.each(versions)('go-micro $version', (one) => {
  const { program, output, registry } = fleet(one)

  describe('a go-micro server over gRPC', () => {
    it.each([
      ['protobuf', Echo],
      ['JSON', Plain],
    ] as const)('is called by our client with %s', async (_what, contract) => {
      const found = registry()
      await using _peer = await program('-version', 'v3')
      await using client = createClient(contract as typeof Plain, { service, registry: found })
      expect(await client.unary({ text: 'hi', count: 4 }, { headers: { 'x-own': '!' } })).toMatchObject({ text: 'go-micro: hi!', count: 5 })
      expect((await collect(client.expand({ text: 'n', count: 3 }))).map(({ text }) => text)).toEqual(['n0', 'n1', 'n2'])
      const missing = await failure(client.once({ text: 'gone', count: 404 }))
      expect(missing.code).toBe('not_found')
      expect(missing.rawMessage).toContain('"detail":"gone"')
      expect(await failure(client.once({ text: 'error' }))).toMatchObject({ code: 'unknown', rawMessage: 'plain error' })
      await found.close()
    })

    it('chats with our client', async () => {
      const found = registry()
      await using _peer = await program()
      await using client = createClient(Echo, { service, registry: found })
      const chat = client.chat(streamOf({ text: 'a' }, { text: 'b' }))
      expect((await collect(chat)).map(({ text }) => text)).toEqual(['a!', 'b!'])
      await found.close()
    })

    it('is seen to come, with version, metadata and endpoints, and to go', async () => {
      const found = registry()
      const listening = listen(found, service)
      await listening.shows([])
      await using peer = await program('-version', 'v3')
      await expect.poll(() => listening.last.length).toBe(1)
      expect(listening.last[0]).toMatchObject({
        service,
        address: peer.address,
        version: 'v3',
        metadata: { color: 'red', protocol: 'grpc', server: 'grpc' },
      })
      expect(listening.last[0]?.endpoints?.map(({ name }) => name).sort()).toEqual(['Echo.Chat', 'Echo.Expand', 'Echo.Once', 'Echo.Unary'])
      expect(await found.services()).toEqual([service])
      await peer.stop()
      await listening.shows([])
      listening.stop()
      await found.close()
    })
  })

  describe('a go-micro client over gRPC', () => {
    it.each(['application/protobuf', 'application/json'])('calls our server with %s', async (type) => {
      const found = registry()
      const ours = await startEcho({
        name: service,
        registry: found,
        changes: {
          unary: ({ text, count }, { headers }) => ({ text: `ours: ${text}${headers.get('x-own')}`, count: count + 1 }),
          once: ({ text }) => {
            throw new RpcError('not_found', text)
          },
        },
      })
      await using client = await program('-mode', 'call', '-type', type)
      const call = (method: string, ...messages: object[]) =>
        client.ask(JSON.stringify({ method: `Echo.${method}`, messages, headers: { 'X-Own': '!' } }))
      expect(await call('Unary', { text: 'hi', count: 4 })).toEqual({ messages: [{ text: 'ours: hi!', count: 5 }], error: null })
      expect(await call('Expand', { count: 2 })).toMatchObject({ messages: [{ text: 'echo' }, { text: 'echo', count: 1 }], error: null })
      expect(await call('Chat', { text: 'a' }, { text: 'b' })).toMatchObject({ messages: [{ text: 'echo: a' }, { text: 'echo: b' }] })
      expect(await call('Once', { text: 'gone' })).toMatchObject({ messages: null, error: { detail: 'gone' } })
      expect(await call('Nope', {})).toMatchObject({ messages: null, error: { detail: expect.stringContaining('Nope') } })
      await ours.close()
      await found.close()
    })
  })

  describe('the registry of go-micro', () => {
    it('sees our records, with version, metadata and endpoints', async () => {
      const found = registry()
      const ours = await startEcho({ name: service, who: 'ours-1', registry: found, version: 'v7', metadata: { color: 'blue' } })
      const { services } = (await output('-mode', 'get')) as { services: unknown[] }
      expect(services).toEqual([
        {
          name: service,
          version: 'v7',
          metadata: null,
          endpoints: expect.any(Array),
          nodes: [{ id: 'ours-1', address: ours.address, metadata: expect.objectContaining({ color: 'blue', protocol: 'grpc' }) }],
        },
      ])
      const { endpoints } = services[0] as { endpoints: { name: string; request: object; metadata: object }[] }
      expect(endpoints.map(({ name }) => name)).toEqual(['Echo.Unary', 'Echo.Once', 'Echo.Collect', 'Echo.Expand', 'Echo.Chat'])
      expect(endpoints[3]).toMatchObject({
        request: { name: 'EchoMessage', values: [{ name: 'text', type: 'string' }, {}, {}] },
        metadata: { stream: 'true' },
      })
      await ours.close()
      await found.close()
    })

    it('watches ours come, change and go', async () => {
      const found = registry()
      await using watching = await program('-mode', 'watch')
      const ours = await startEcho({ name: service, who: 'ours-2', registry: found })
      const { registration } = ours
      if (registration === undefined) throw new Error('not registered')
      await registration.update({ ...registration.instance, metadata: { color: 'green' } })
      await ours.close()
      const nodes = [expect.objectContaining({ id: 'ours-2', address: expect.stringContaining('127.0.0.1:') })]
      await expect
        .poll(() => watching.printed)
        .toEqual(['create', 'update', 'delete'].map((Action) => ({ Action, Service: expect.objectContaining({ name: service, nodes }) })))
      await found.close()
    })
  })
})
