import { describe, expect, it } from 'vitest'
import { goMicro } from '../../../../src/registries/etcd/layouts/go-micro.ts'

const layout = goMicro()
const instance = {
  id: 'hello.srv.say-4e79',
  service: 'hello.srv.say',
  address: '127.0.0.1:33905',
  version: 'latest',
  endpoints: [
    {
      name: 'Say.Hello',
      request: { name: 'Req', type: 'Req', values: [{ name: 'name', type: 'string' }] },
      response: { name: 'Rsp', type: 'Rsp', values: [{ name: 'msg', type: 'string' }] },
      metadata: {},
    },
  ],
}

describe('goMicro', () => {
  it('writes what go-micro 2.9.1 writes, byte by byte', () => {
    expect(layout.key(instance)).toBe('/micro/registry/hello.srv.say/hello.srv.say-4e79')
    expect(layout.encode(instance)).toBe(
      '{"name":"hello.srv.say","version":"latest","metadata":null,' +
        '"endpoints":[{"name":"Say.Hello",' +
        '"request":{"name":"Req","type":"Req","values":[{"name":"name","type":"string","values":null}]},' +
        '"response":{"name":"Rsp","type":"Rsp","values":[{"name":"msg","type":"string","values":null}]},' +
        '"metadata":{}}],' +
        '"nodes":[{"id":"hello.srv.say-4e79","address":"127.0.0.1:33905",' +
        '"metadata":{"broker":"memory","protocol":"grpc","registry":"etcd","server":"grpc","transport":"grpc"}}]}',
    )
  })

  it('escapes as Go does and orders maps as Go does', () => {
    const text = layout.encode({ ...instance, endpoints: [], metadata: { z: '<a>&', a: '\u2028', zone: 'own' } })
    expect(text).toContain(
      '"metadata":{"a":"\\u2028","broker":"memory","protocol":"grpc","registry":"etcd","server":"grpc","transport":"grpc","z":"\\u003ca\\u003e\\u0026","zone":"own"}',
    )
  })

  it('writes null where there are no endpoints, and the version that go-micro has by default', () => {
    const text = layout.encode({ id: 'a', service: 's', address: 'h:1' })
    expect(text).toContain('"version":"latest","metadata":null,"endpoints":null')
  })

  it('puts a name with slashes into one level of the key', () => {
    expect(layout.prefix('a/b')).toBe('/micro/registry/a-b/')
    expect(layout.key({ id: 'x/1', service: 'a/b', address: 'h:1' })).toBe('/micro/registry/a-b/x-1')
  })

  it('reads what it writes', () => {
    const whole = { ...instance, weight: 2, zone: 'z', metadata: { color: 'red' } }
    const [read] = layout.decode('', layout.encode(whole), instance.service)
    expect(read).toMatchObject(whole)
    expect(read?.metadata).toMatchObject({ protocol: 'grpc' })
  })

  it('reads the field order of versions 5 and 6, and null for every list and map', () => {
    const value =
      '{"metadata":null,"name":"s","version":"1","endpoints":[{"request":null,"response":{"name":"R","type":"R","values":null},"metadata":null,"name":"S.M"}],"nodes":[{"metadata":null,"id":"n","address":"h:1"}]}'
    expect(layout.decode('', value, 's')).toEqual([
      {
        id: 'n',
        service: 's',
        address: 'h:1',
        version: '1',
        metadata: {},
        endpoints: [{ name: 'S.M', response: { name: 'R', type: 'R' }, metadata: {} }],
      },
    ])
  })

  it('reads the port of versions before 1.8, and several nodes in one record', () => {
    const value = '{"name":"s","nodes":[{"id":"a","address":"10.0.0.5","port":33905},{"id":"b","address":"h:2","port":0}]}'
    expect(layout.decode('', value, 's').map(({ id, address }) => `${id} ${address}`)).toEqual(['a 10.0.0.5:33905', 'b h:2'])
  })

  it('reads the metadata of the service under that of the node', () => {
    const value = '{"name":"s","metadata":{"a":"1","b":"1"},"nodes":[{"id":"a","address":"h:1","metadata":{"b":"2"}}]}'
    expect(layout.decode('', value, 's')[0]?.metadata).toEqual({ a: '1', b: '2' })
  })

  it('leaves out another service whose name falls together with this one', () => {
    expect(layout.decode('', layout.encode({ id: 'a', service: 'a/b', address: 'h:1' }), 'a-b')).toEqual([])
  })

  it.each([
    ['not json', /JSON/],
    ['[]', /not a JSON object/],
    ['null', /not a JSON object/],
    ['{"name":"s"}', /has no nodes/],
    ['{"name":"s","nodes":[{}]}', /without an id/],
    ['{"name":"s","nodes":[{"id":"a"}]}', /without an address: a/],
  ])('says what is wrong with %s', (value, message) => {
    expect(() => layout.decode('', value, 's')).toThrow(message)
  })

  it('takes another prefix', () => {
    expect(goMicro({ prefix: '/micro-registry/' }).key({ id: 'a', service: 's', address: 'h:1' })).toBe('/micro-registry/s/a')
  })
})
