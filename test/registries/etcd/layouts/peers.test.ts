import { describe, expect, it } from 'vitest'
import { etcdNaming, goMicro, goZero, kitex, kratos, type Layout, rpcx } from '../../../../src/registries/etcd.ts'
import type { Instance } from '../../../../src/registry.ts'

const bare: Instance = { id: 'book-1', service: 'book', address: '10.0.0.1:50051' }
const whole: Instance = { ...bare, version: 'v2', weight: 3, zone: 'z1', metadata: { color: '<red>' } }

interface Written {
  readonly layout: Layout
  readonly prefix: string
  readonly key: string
  readonly bare: string
  readonly whole: string
  /** What is read of the whole one. */
  readonly read: object
}

const labels = { color: '<red>', version: 'v2', weight: '3', zone: 'z1' }

const written: Record<string, Written> = {
  etcdNaming: {
    layout: etcdNaming(),
    prefix: 'book/',
    key: 'book/10.0.0.1:50051',
    bare: '{"Op":0,"Addr":"10.0.0.1:50051","Metadata":null}',
    whole: '{"Op":0,"Addr":"10.0.0.1:50051","Metadata":{"color":"\\u003cred\\u003e","version":"v2","weight":"3","zone":"z1"}}',
    read: { ...whole, id: 'book/10.0.0.1:50051', metadata: labels },
  },
  kratos: {
    layout: kratos(),
    prefix: '/microservices/book/',
    key: '/microservices/book/book-1',
    bare: '{"id":"book-1","name":"book","version":"","metadata":{},"endpoints":["grpc://10.0.0.1:50051"]}',
    whole:
      '{"id":"book-1","name":"book","version":"v2","metadata":{"color":"\\u003cred\\u003e","weight":"300","zone":"z1"},"endpoints":["grpc://10.0.0.1:50051"]}',
    read: { ...whole, metadata: { color: '<red>', weight: '300', zone: 'z1' } },
  },
  goZero: {
    layout: goZero(),
    prefix: 'book/',
    key: 'book/8533508019350473667',
    bare: '10.0.0.1:50051',
    whole: '10.0.0.1:50051',
    read: { ...bare, id: 'book/8533508019350473667' },
  },
  kitex: {
    layout: kitex(),
    prefix: 'kitex/registry-etcd/book/',
    key: 'kitex/registry-etcd/book/10.0.0.1:50051',
    bare: '{"network":"tcp","address":"10.0.0.1:50051","weight":10,"tags":{}}',
    whole: '{"network":"tcp","address":"10.0.0.1:50051","weight":30,"tags":{"color":"\\u003cred\\u003e","version":"v2","zone":"z1"}}',
    read: { ...whole, id: 'kitex/registry-etcd/book/10.0.0.1:50051', metadata: { color: '<red>', version: 'v2', zone: 'z1' } },
  },
  rpcx: {
    layout: rpcx(),
    prefix: '/rpcx/book/',
    key: '/rpcx/book/tcp@10.0.0.1:50051',
    bare: '',
    whole: 'color=%3Cred%3E&version=v2&weight=3&zone=z1',
    read: { ...whole, id: '/rpcx/book/tcp@10.0.0.1:50051', metadata: labels },
  },
}

describe.each(Object.entries(written))('%s', (_name, { layout, prefix, key, bare: bareText, whole: wholeText, read }) => {
  it('writes what its Go peers write, byte by byte', () => {
    expect(layout.prefix('book')).toBe(prefix)
    expect(layout.key(bare)).toBe(key)
    expect(layout.encode(bare)).toBe(bareText)
    expect(layout.encode(whole)).toBe(wholeText)
  })

  it('reads what it writes', () => {
    expect(layout.decode(key, wholeText, 'book')).toEqual([read])
  })

  it('knows the service of a record where its keys tell it', () => {
    if (layout.root === undefined) expect(layout.serviceOf).toBeUndefined()
    else expect(layout.serviceOf?.(key, wholeText)).toBe('book')
  })
})

describe('what only one of them has', () => {
  it('etcdNaming: a target of its own, and records that take another back', () => {
    const layout = etcdNaming({ target: 'services/{service}' })
    expect(layout.prefix('book')).toBe('services/book/')
    expect(layout.serviceOf?.('services/book/h:1', '')).toBe('book')
    expect(layout.decode('k', '{"Op":1,"Addr":"h:1","Metadata":null}', 'book')).toEqual([])
    expect(() => layout.decode('k', '{"Op":0,"Addr":"","Metadata":{}}', 'book')).toThrow('has no Addr')
    expect(() => etcdNaming({ target: '' })).toThrow('etcdNaming: prefix must not be empty')
  })

  it.each([
    [['http://h:8000', 'grpc://h:9000?isSecure=false'], 'h:9000'],
    [['http://h:8000', 'grpcs://h:9000'], 'grpcs://h:9000'],
    [['http://h:8000?isSecure=false'], 'http://h:8000'],
    [['grpc://h:9000?isSecure=true'], 'grpcs://h:9000'],
    [['https://[::1]:8000?isSecure=true'], 'https://[::1]:8000'],
  ])('kratos: one address of %j', (endpoints, address) => {
    expect(kratos().decode('k', JSON.stringify({ id: 'a', name: 'book', endpoints }), 'book')[0]?.address).toBe(address)
  })

  it.each([
    ['grpcs://h:1', undefined, 'grpcs://h:1'],
    ['h:1', { protocol: 'mucp' }, 'http://h:1'],
    ['[::1]:1', { protocol: 'grpc' }, 'grpc://[::1]:1'],
  ])('kratos: writes the address %s with %j as %s', (address, metadata, url) => {
    expect(JSON.parse(kratos().encode({ ...bare, address, metadata: metadata ?? {} })).endpoints).toEqual([url])
  })

  it.each(['100', '1e-323', '0', 'x'])('kratos: %j is no weight of its own', (weight) => {
    const [read] = kratos().decode('k', JSON.stringify({ id: 'a', name: 'book', metadata: { weight }, endpoints: ['grpc://h:1'] }), 'book')
    expect(read).toEqual({ id: 'a', service: 'book', address: 'h:1', metadata: { weight } })
  })

  it('kratos: the record of another service is none of ours', () => {
    expect(kratos().decode('k', '{"id":"a","name":"other","endpoints":["grpc://h:1"]}', 'book')).toEqual([])
  })

  it.each(['1e999', '1e-323', '-1', '"3"', 'null'])('kitex: %s is no weight', (weight) => {
    const read = kitex().decode('k', `{"network":"tcp","address":"h:1","weight":${weight}}`, 'book')[0]
    expect(read).toEqual({ id: 'k', service: 'book', address: 'h:1', metadata: {} })
  })

  it('kitex: its usual weight is ours, and what does not go over TCP is refused', () => {
    const read = kitex().decode('k', '{"network":"tcp","address":"h:1","weight":10,"tags":null}', 'book')[0]
    expect(read).not.toHaveProperty('weight')
    expect(() => kitex().decode('k', '{"network":"unix","address":"/a","weight":10}', 'book')).toThrow('"unix"')
  })

  it('rpcx: instances that are inactive are none, nor are marks at folders', () => {
    const layout = rpcx()
    expect(layout.decode('/rpcx/book/tcp@h:1', 'state=inactive&weight=2', 'book')).toEqual([])
    expect(layout.decode('/rpcx/book/', 'book', 'book')).toEqual([])
    expect(layout.serviceOf?.('/rpcx/book', 'book')).toBeUndefined()
    expect(() => layout.decode('/rpcx/book/h:1', '', 'book')).toThrow('not like tcp@host:port')
    expect(() => layout.decode('/rpcx/book/quic@h:1', '', 'book')).toThrow('is reached by quic')
  })

  it('goZero: a record of one instance stays where it is', () => {
    const layout = goZero({ key: 'user.rpc' })
    expect(layout.key(bare)).toMatch(/^user\.rpc\/\d{1,19}$/)
    expect(layout.key({ ...bare, address: 'h:9' })).toBe(layout.key(bare))
    expect(layout.key({ ...bare, id: 'book-2' })).not.toBe(layout.key(bare))
  })

  it('goMicro: the older prefix, and the port by itself', () => {
    const layout = goMicro({ prefix: '/micro-registry/', separatePort: true })
    expect(layout.key(bare)).toBe('/micro-registry/book/book-1')
    expect(layout.encode(bare)).toContain('"nodes":[{"id":"book-1","address":"10.0.0.1","port":50051,"metadata":')
    expect(layout.decode('', layout.encode(bare), 'book')[0]?.address).toBe('10.0.0.1:50051')
    const v6 = { ...bare, address: '[::1]:80' }
    expect(layout.decode('', layout.encode(v6), 'book')[0]?.address).toBe('[::1]:80')
  })

  it('goMicro: the kind of server, where an old one does not say its protocol', () => {
    const read = (metadata: object) =>
      goMicro().decode('', JSON.stringify({ name: 'book', nodes: [{ id: 'a', address: 'h:1', metadata }] }), 'book')[0]?.metadata?.protocol
    expect([{ server: 'rpc' }, { server: 'grpc' }, { protocol: 'grpc', server: 'mucp' }, { server: 'constructor' }, {}].map(read)).toEqual([
      'mucp',
      'grpc',
      'grpc',
      undefined,
      undefined,
    ])
    expect(goMicro().encode({ ...bare, metadata: { protocol: 'mucp' } })).toContain('"server":"mucp","transport":"http"')
  })
})
