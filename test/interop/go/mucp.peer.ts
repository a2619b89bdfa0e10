import { PassThrough } from 'node:stream'
import { describe, expect, it } from 'vitest'
import { createClient, RpcError } from '../../../src/index.ts'
import { grpc } from '../../../src/transports/grpc.ts'
import { mucp } from '../../../src/transports/mucp.ts'
import { Echo } from '../../gen/echo_pb.ts'
import { listen } from '../../registries/etcd/bench.ts'
import { collect, failure, streamOf } from '../../support/context.ts'
import { startEcho, until } from '../../support/echo.ts'
import { fleet, Plain, service, versions } from './go-micro.ts'

describe.each(versions)('go-micro $version', (one) => {
  const { tells } = one
  const { program, registry } = fleet(one)

  describe('a go-micro server over mucp', () => {
    it.each([
      ['protobuf, in JSON', Echo, true],
      ['JSON', Plain, false],
    ] as const)('is called by our client with %s', async (_what, contract, json) => {
      const found = registry()
      await using _peer = await program('-kind', 'mucp')
      await using client = createClient(contract as typeof Plain, {
        service,
        registry: found,
        transport: [grpc(), mucp({ json })],
        retry: false,
      })
      for (let i = 0; i < 50; i++)
        expect(await client.unary({ text: 'hi', count: i }, { headers: { 'x-own': '!' } })).toMatchObject({
          text: 'go-micro: hi!',
          count: i + 1,
        })
      const many = await Promise.all(Array.from({ length: 300 }, (_, count) => client.unary({ count })))
      expect(many.map(({ count }) => count)).toEqual(many.map((_, i) => i + 1))
      expect((await collect(client.expand({ text: 'n', count: 100 }))).map(({ text }) => text)).toEqual(
        Array.from({ length: 100 }, (_, i) => `n${i}`),
      )
      expect(await collect(client.expand({ text: 'n', count: 0 }))).toEqual([])
      await found.close()
    })

    it(`is called by our client with protobuf, in which it can tell ${tells ? 'errors and' : 'neither errors nor'} the end of a stream`, async () => {
      const found = registry()
      await using _peer = await program('-kind', 'mucp')
      await using client = createClient(Echo, { service, registry: found, transport: mucp(), retry: false })
      for (let i = 0; i < 50; i++)
        expect(await client.unary({ text: 'hi', count: i }, { headers: { 'x-own': '!' } })).toMatchObject({
          text: 'go-micro: hi!',
          count: i + 1,
        })
      const failing = await failure(client.once({ text: 'why', count: 404 }, { timeout: tells ? 5000 : 300 }))
      expect(failing).toMatchObject(tells ? { code: 'not_found', rawMessage: 'why' } : { code: 'deadline_exceeded' })
      const got: string[] = []
      for await (const { text } of client.expand({ text: 'n', count: 3 })) if (got.push(text) === 3 && !tells) break
      expect(got).toEqual(['n0', 'n1', 'n2'])
      if (tells) {
        expect(await collect(client.expand({ count: 0 }))).toEqual([])
        expect(await failure(collect(client.expand({ text: 'fail', count: 2 })))).toMatchObject({
          code: 'not_found',
          rawMessage: 'failed after 2',
        })
      }
      await found.close()
    })

    it('tells its errors, with their codes', async () => {
      const found = registry()
      await using _peer = await program('-kind', 'mucp')
      await using client = createClient(Plain, { service, registry: found, transport: mucp(), retry: false })
      const codes: [number, string][] = [
        [400, 'invalid_argument'],
        [401, 'unauthenticated'],
        [403, 'permission_denied'],
        [404, 'not_found'],
        [408, 'deadline_exceeded'],
        [409, 'already_exists'],
        [412, 'failed_precondition'],
        [500, 'internal'],
        [501, 'unimplemented'],
        [503, 'unavailable'],
        [418, 'unknown'],
      ]
      for (const [count, code] of codes)
        expect(await failure(client.once({ text: 'why', count }))).toMatchObject({ code, rawMessage: 'why', outbound: true })
      expect(await failure(client.once({ text: 'error' }))).toMatchObject({ code: 'unknown', rawMessage: 'plain error' })
      expect(await failure(client.nope({}))).toMatchObject({ code: 'unimplemented', rawMessage: "rpc: can't find method Nope" })
      const failing = client.expand({ text: 'fail', count: 2 })[Symbol.asyncIterator]()
      expect((await failing.next()).value).toMatchObject({ text: 'fail0' })
      expect((await failing.next()).value).toMatchObject({ text: 'fail1' })
      expect(await failure(failing.next())).toMatchObject({ code: 'not_found', rawMessage: 'failed after 2' })
      expect(await client.unary({ text: 'still there' })).toMatchObject({ text: 'go-micro: still there' })
      await found.close()
    })

    it('loses none of many calls one after another', async () => {
      const found = registry()
      await using _peer = await program('-kind', 'mucp')
      await using client = createClient(Plain, { service, registry: found, transport: mucp(), retry: false, timeout: 2000 })
      for (let i = 0; i < 2000; i++) expect((await failure(client.once({ text: 'why', count: 404 }))).code).toBe('not_found')
      await found.close()
    })

    it('chats with our client, until it ends the chat or our client leaves', async () => {
      const found = registry()
      await using _peer = await program('-kind', 'mucp')
      await using client = createClient(Echo, { service, registry: found, transport: mucp({ json: true }) })
      for (const end of ['bye', 'leave']) {
        const requests = new PassThrough({ objectMode: true })
        const answers = client.chat(requests)[Symbol.asyncIterator]()
        for (const text of ['a', 'b', 'c']) {
          requests.write({ text })
          expect((await answers.next()).value).toMatchObject({ text: `${text}!` })
        }
        if (end === 'leave') await answers.return?.()
        else {
          requests.write({ text: 'bye' })
          expect((await answers.next()).done).toBe(true)
        }
      }
      await found.close()
    })

    it('does not say that a chat has ended whose requests our client has ended, which lasts until its deadline', async () => {
      const found = registry()
      await using _peer = await program('-kind', 'mucp')
      await using client = createClient(Echo, { service, registry: found, transport: mucp({ json: true }) })
      const answers = client.chat(streamOf({ text: 'a' }), { timeout: 300 })[Symbol.asyncIterator]()
      expect((await answers.next()).value).toMatchObject({ text: 'a!' })
      expect(await failure(answers.next())).toMatchObject({ code: 'deadline_exceeded' })
      await found.close()
    })

    it('is told apart from one over gRPC in the same fleet by its record', async () => {
      const found = registry()
      await using mucpPeer = await program('-kind', 'mucp')
      await using grpcPeer = await program('-kind', 'grpc')
      const listening = listen(found, service)
      await until('both', () => listening.last.length === 2)
      expect(Object.fromEntries(listening.last.map(({ address, metadata }) => [address, metadata?.protocol]))).toEqual({
        [mucpPeer.address]: 'mucp',
        [grpcPeer.address]: 'grpc',
      })
      await using client = createClient(Echo, { service, registry: found, transport: [grpc(), mucp()], retry: false })
      for (let i = 0; i < 50; i++) expect((await client.unary({ text: 'x' })).text).toBe('go-micro: x')
      await mucpPeer.stop()
      await until('one', () => listening.last.length === 1)
      for (let i = 0; i < 50; i++) expect((await client.unary({ text: 'x' })).text).toBe('go-micro: x')
      listening.stop()
      await found.close()
    })
  })

  describe('a go-micro client over mucp', () => {
    it.each(['application/protobuf', 'application/json'])('calls our server with %s', async (type) => {
      const found = registry()
      const ours = await startEcho({
        name: service,
        registry: found,
        transport: mucp(),
        changes: {
          unary: ({ text, count }, { headers }) => ({ text: `ours: ${text}${headers.get('x-own')}`, count: count + 1 }),
          once: ({ text }) => {
            throw text === 'plain' ? new Error('oops') : new RpcError('permission_denied', text)
          },
          async *expand({ count }) {
            for (let i = 0; i < count; i++) yield { text: `${i}` }
            if (count === 3) throw new RpcError('not_found', 'no more')
          },
        },
      })
      await using client = await program('-mode', 'call', '-kind', 'mucp', '-type', type)
      const call = (method: string, ...messages: object[]) =>
        client.ask(JSON.stringify({ method: `Echo.${method}`, messages, headers: { 'X-Own': '!' } }))
      for (let i = 0; i < 20; i++)
        expect(await call('Unary', { text: 'hi', count: i })).toEqual({ messages: [{ text: 'ours: hi!', count: i + 1 }], error: null })
      expect(await call('Expand', { count: 2 })).toEqual({ messages: [{ text: '0' }, { text: '1' }], error: null })
      expect(await call('Expand', { count: 3 })).toMatchObject({ messages: [{}, {}, {}], error: { code: 404, detail: 'no more' } })
      expect(await call('Chat', { text: 'a' }, { text: 'b' })).toEqual({
        messages: [{ text: 'echo: a' }, { text: 'echo: b' }],
        error: null,
      })
      expect(await call('Once', { text: 'no' })).toEqual({
        messages: null,
        error: { id: 'beckon.test.Echo', code: 403, detail: 'no', status: 'Forbidden' },
      })
      expect(await call('Once', { text: 'plain' })).toMatchObject({ error: { code: 500, detail: 'oops' } })
      expect(await call('Nope', {})).toMatchObject({ error: { code: 501, detail: 'unknown method /Echo/Nope' } })
      await ours.close()
      await found.close()
    })
  })
})
