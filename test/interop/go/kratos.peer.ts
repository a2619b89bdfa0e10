import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { createClient, RpcError } from '../../../src/index.ts'
import { etcd, kratos } from '../../../src/registries/etcd.ts'
import { health } from '../../../src/services/health.ts'
import { grpc } from '../../../src/transports/grpc.ts'
import { Echo } from '../../gen/echo_pb.ts'
import { listen } from '../../registries/etcd/bench.ts'
import { makeCertificates } from '../../support/certificates.ts'
import { failure } from '../../support/context.ts'
import { startEcho, until } from '../../support/echo.ts'
import { between } from './program.ts'

const { etcd: server, program } = between('kratos')
const registry = () => etcd({ endpoints: [server().address], layouts: [kratos()] })
const folder = mkdtempSync(join(tmpdir(), 'beckon-kratos-'))
afterAll(() => rmSync(folder, { recursive: true }))

describe('a kratos server', () => {
  it('is found by our client with version, weight and metadata, called for gRPC, and gone when it stops', async () => {
    const found = registry()
    const listening = listen(found, 'echo')
    await using one = await program('-id', 'one', '-weight', '300')
    await using two = await program('-id', 'two')
    await listening.shows(['one', 'two'])
    expect(listening.last).toMatchObject([
      { id: 'one', service: 'echo', address: one.address, version: 'v3', weight: 3, metadata: { color: 'red' } },
      { id: 'two', service: 'echo', address: two.address, version: 'v3', metadata: { color: 'red' } },
    ])
    expect(listening.last[1]).not.toHaveProperty('weight')
    expect(await found.services()).toEqual(['echo'])
    await using client = createClient(Echo, { service: 'echo', registry: found })
    const who = new Set<string>()
    await until('both', async () => who.add((await client.unary({ text: 'hi' })).text).size === 2)
    expect([...who].sort()).toEqual(['one: hi', 'two: hi'])
    expect(await failure(client.unary({ text: 'gone' }))).toMatchObject({ code: 'not_found', rawMessage: 'gone' })
    await one.stop()
    await listening.shows(['two'])
    await two.stop()
    await listening.shows([])
    await found.close()
  })

  it('is called over TLS, which its record tells', async () => {
    const { ca, files } = makeCertificates(folder)
    const found = registry()
    const listening = listen(found, 'echo')
    await using peer = await program('-cert', files.cert, '-key', files.key)
    await listening.shows(['kratos'])
    expect(listening.last).toMatchObject([{ address: `grpcs://${peer.address}` }])
    await using client = createClient(Echo, { service: 'echo', registry: found, transport: grpc({ tls: { ca } }) })
    expect(await client.unary({ text: 'hi' })).toMatchObject({ text: 'kratos: hi' })
    await found.close()
  })
})

describe('a kratos client', () => {
  it('lists our records as those of its own, and calls by their weights, and loses no call when one stops', async () => {
    const ours = registry()
    const changes = {
      unary: ({ text }: { text: string }) => {
        if (text === 'gone') throw new RpcError('not_found', text)
        return { text: 'b' }
      },
    }
    const serving = health()
    const a = await startEcho({
      who: 'a',
      services: [serving],
      registry: ours,
      version: '1.2',
      weight: 3,
      zone: 'z',
      metadata: { b: 'ü <&>', a: '' },
    })
    const b = await startEcho({ who: 'b', registry: ours, changes })
    await using peer = await program('-mode', 'call')
    const written = await server().etcdctl('get', '--prefix', '--print-value-only', '/microservices/echo/')
    expect(await peer.ask('list')).toEqual({
      records: written.trim().split('\n'),
      instances: [
        {
          id: 'a',
          name: 'echo',
          version: '1.2',
          metadata: { protocol: 'grpc', b: 'ü <&>', a: '', weight: '300', zone: 'z' },
          endpoints: [`grpc://${a.address}`],
        },
        { id: 'b', name: 'echo', version: 'latest', metadata: { protocol: 'grpc' }, endpoints: [`grpc://${b.address}`] },
      ],
    })
    const call = async () => ((await peer.ask('call hi')) as { text: string }).text
    const who = new Set<string>()
    await until('both', async () => who.add(await call()).size === 2)
    const byA = async (calls: number) => {
      let count = 0
      for (let i = 0; i < calls; i++) if ((await call()) === 'a') count++
      return count
    }
    expect(await byA(40)).toBe(30)
    serving.set(false)
    await until('b alone, while a is out of service', async () => (await byA(8)) === 0)
    serving.set(true)
    await until('both again', async () => (await byA(8)) === 6)
    const stopping = a.close()
    let stopped = false
    void stopping.then(() => {
      stopped = true
    })
    while (!stopped) expect(await peer.ask('call hi')).toEqual({ text: expect.any(String) })
    for (let i = 0; i < 20; i++) expect(await call()).toBe('b')
    expect(await peer.ask('call gone')).toEqual({ error: expect.objectContaining({ code: 404, message: 'gone' }) })
    await b.close()
    expect(await peer.ask('list')).toEqual({ records: [], instances: [] })
    await ours.close()
  })

  it('calls our server over TLS, which its record tells by its scheme', async () => {
    const { cert, key, files } = makeCertificates(folder)
    const ours = registry()
    const secure = await startEcho({ registry: ours, transport: grpc({ tls: { cert, key } }), advertise: 'grpcs://127.0.0.1' })
    await using peer = await program('-mode', 'call', '-ca', files.ca)
    expect(await peer.ask('call hi')).toEqual({ text: 'echo' })
    await secure.close()
    await ours.close()
  })
})
