import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createSharing } from '../../../src/registries/etcd/sharing.ts'
import type { Instance } from '../../../src/registry.ts'

const text = fc.oneof(fc.constantFrom('a', 'b', '__proto__', 'constructor', ''), fc.string({ maxLength: 4 }))
const endpoint = fc.record({ name: text, metadata: fc.constant({ k: 'v' }) })
const instance: fc.Arbitrary<Instance> = fc.record(
  {
    id: text,
    service: text,
    address: text,
    version: text,
    zone: text,
    weight: fc.nat(),
    metadata: fc.dictionary(text, text),
    endpoints: fc.array(endpoint, { maxLength: 2 }),
  },
  { requiredKeys: ['id', 'service', 'address'] },
)

describe('sharing', () => {
  it('makes nothing of an instance but what it was', () => {
    fc.assert(
      fc.property(fc.array(instance), (instances) => {
        const share = createSharing()
        for (const one of instances) {
          const shared = share(one)
          expect({ ...shared, metadata: Object.entries(shared.metadata ?? {}) }).toEqual({
            ...one,
            metadata: Object.entries(one.metadata ?? {}),
          })
          expect(Object.keys(shared)).toEqual(Object.keys(one))
        }
      }),
    )
  })

  it('has equal endpoints once, also when it has seen more than it remembers', () => {
    const share = createSharing()
    const one = (name: string): Instance => share({ id: 'a', service: 's', address: 'h:1', endpoints: [{ name }] })
    const first = one('first').endpoints
    for (let i = 0; i < 3000; i++) one(`other ${i}`)
    expect(one('first').endpoints).toBe(first)
    expect(one('other 2999').endpoints).toEqual([{ name: 'other 2999' }])
  })
})
