import { create } from '@bufbuild/protobuf'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { toKeyValue } from '../../../../src/etcd/record.ts'
import { KeyValueSchema } from '../../../../src/gen/etcd/kv_pb.ts'
import { createRecordReader } from '../../../../src/registries/etcd/records.ts'
import { etcdNaming, goKit, goMicro, goZero, kitex, kratos, type Layout, rpcx } from '../../../../src/registries/etcd.ts'
import type { Instance } from '../../../../src/registry.ts'
import { recordLog } from '../bench.ts'

const layouts: readonly Layout[] = [
  goMicro(),
  goMicro({ prefix: '/micro-registry/', separatePort: true }),
  goKit(),
  goKit({ prefix: '/services/book/' }),
  etcdNaming(),
  kratos(),
  goZero(),
  kitex(),
  rpcx(),
]

const host = fc.oneof(
  fc.ipV4(),
  fc.domain(),
  fc.ipV6().map((ip) => `[${ip}]`),
)
const address = fc.tuple(host, fc.integer({ min: 1, max: 65535 })).map(([name, port]) => `${name}:${port}`)
const map = fc.dictionary(fc.string({ unit: 'binary', minLength: 1 }), fc.string({ unit: 'binary' }))
const reserved = new Set(['version', 'weight', 'zone', 'state', 'protocol', 'server'])
const metadata = map.map((all) => Object.fromEntries(Object.entries(all).filter(([name]) => !reserved.has(name))))
const instance: fc.Arbitrary<Instance> = fc.record(
  {
    id: fc.string({ unit: 'binary', minLength: 1 }),
    service: fc.stringMatching(/^[a-z][a-z0-9.-]{0,20}$/),
    address,
    version: fc.string({ minLength: 1 }),
    weight: fc.integer({ min: 1, max: 1000 }),
    zone: fc.string(),
    metadata,
  },
  { requiredKeys: ['id', 'service', 'address'] },
)

/** Reads a record as a registry does; what it cannot read, it must have warned of. */
function read(layout: Layout, service: string, key: string, value: string): { instances: readonly Instance[]; warnings: number } {
  const { lines, logger } = recordLog()
  const kv = toKeyValue(create(KeyValueSchema, { key: Buffer.from(key), value: Buffer.from(value) }))
  const { instances } = createRecordReader(layout, service, logger).read(kv, undefined)
  return { instances, warnings: lines.length }
}

describe.each(layouts.map((layout) => [`${layout.name} ${layout.prefix('*')}`, layout] as const))('%s', (_name, layout) => {
  it('reads back whatever it writes', () => {
    fc.assert(
      fc.property(instance, (one) => {
        const key = layout.key(one)
        expect(key.startsWith(layout.prefix(one.service))).toBe(true)
        const { instances, warnings } = read(layout, one.service, key, layout.encode(one))
        expect({ count: instances.length, warnings }).toEqual({ count: 1, warnings: 0 })
        expect(instances[0]).toMatchObject({ service: one.service, address: one.address })
        if (layout.name === 'go-kit' || layout.name === 'go-zero') return
        const { version, weight = 1, zone } = one
        const found = instances[0]
        expect({ weight: found?.weight ?? 1, zone: found?.zone }).toEqual({ weight, zone })
        if (version !== undefined) expect(found?.version).toBe(version)
        for (const [name, value] of Object.entries(one.metadata ?? {})) expect(found?.metadata?.[name]).toBe(value)
      }),
    )
  })

  it.each(layouts.map((other) => [`${other.name} ${other.prefix('*')}`, other] as const))(
    'takes or skips what %s writes',
    (_other, other) => {
      fc.assert(
        fc.property(instance, (one) => {
          const { instances } = read(layout, one.service, layout.key(one), other.encode(one))
          for (const found of instances) expect(typeof found.address).toBe('string')
        }),
        { numRuns: 30 },
      )
    },
  )

  it('reads or skips, with a warning, whatever there may be under a key, and never throws', () => {
    const json = fc.oneof(
      fc.json(),
      fc.json().map((nodes) => `{"name":"book","nodes":[${nodes}],"endpoints":${nodes},"address":${nodes}}`),
    )
    const value = fc.oneof(fc.string({ unit: 'binary' }), json)
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), value, (rest, text) => {
        const { instances } = read(layout, 'book', layout.prefix('book') + rest, text)
        for (const { id, service, address: at } of instances) expect([typeof id, service, typeof at]).toEqual(['string', 'book', 'string'])
      }),
    )
  })

  it('breaks off records anywhere without being read as another', () => {
    fc.assert(
      fc.property(instance, fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }), (one, share) => {
        const whole = layout.encode(one)
        const { instances } = read(layout, one.service, layout.key(one), whole.slice(0, Math.floor(whole.length * share)))
        for (const found of instances) expect(found.service).toBe(one.service)
      }),
      { numRuns: 50 },
    )
  })
})
