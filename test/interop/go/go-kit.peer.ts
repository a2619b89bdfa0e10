import { describe, expect, it } from 'vitest'
import { createClient } from '../../../src/index.ts'
import { etcd, goKit } from '../../../src/registries/etcd.ts'
import { Echo } from '../../gen/echo_pb.ts'
import { startEcho, until } from '../../support/echo.ts'
import { between } from './program.ts'

const { etcd: server, program } = between('go-kit')
const registry = (prefix: string) => etcd({ endpoints: [server().address], layouts: [goKit({ prefix })] })

describe('a go-kit server', () => {
  it('is found by our client under the key of the tutorials, called, and gone when it stops', async () => {
    const prefix = '/services/book/'
    await using one = await program('-prefix', prefix, '-name', 'one')
    await using two = await program('-prefix', prefix, '-name', 'two')
    expect((await server().etcdctl('get', '--prefix', prefix)).split('\n').filter(Boolean).sort()).toEqual(
      [one, two].flatMap(({ address }) => [prefix + address, address]).sort(),
    )
    const found = registry(prefix)
    await using client = createClient(Echo, { service: 'book', registry: found, retry: false })
    const answered = async (): Promise<string> => (await client.unary({ text: 'hi', payload: new Uint8Array(9), count: 4 })).text
    const who = new Set<string>()
    await until('both', async () => who.add(await answered()).size === 2)
    expect([...who].sort()).toEqual(['one: hi', 'two: hi'])
    await one.stop()
    for (let i = 0; i < 50; i++) expect(await answered()).toBe('two: hi')
    await found.close()
  })
})

describe('a go-kit client', () => {
  it('finds our servers, goes round them, and loses no call when one stops', async () => {
    const prefix = '/services/echo/'
    const found = registry(prefix)
    const a = await startEcho({ who: 'a', registry: found, propagation: 500 })
    await using client = await program('-mode', 'call', '-prefix', prefix)
    const b = await startEcho({ who: 'b', registry: found, propagation: 500 })
    await until('b', async () => JSON.stringify(await client.ask('x')).includes('"b"'))
    const turns: unknown[] = []
    for (let i = 0; i < 10; i++) turns.push(await client.ask('x'))
    expect(turns.filter((one) => JSON.stringify(one) === '{"text":"a"}')).toHaveLength(5)
    expect(turns.filter((one) => JSON.stringify(one) === '{"text":"b"}')).toHaveLength(5)
    const stopping = a.close()
    let stopped = false
    void stopping.then(() => {
      stopped = true
    })
    while (!stopped) expect(await client.ask('x')).toHaveProperty('text')
    for (let i = 0; i < 10; i++) expect(await client.ask('x')).toEqual({ text: 'b' })
    await b.close()
    await found.close()
  })
})
