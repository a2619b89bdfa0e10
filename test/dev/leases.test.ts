import { describe, expect, it } from 'vitest'
import { type Lease, leasesOf } from '../../src/dev/leases.ts'
import { memoryStore } from '../../src/dev/store.ts'
import { manualClock } from '../../src/testing/index.ts'

function setUp() {
  const clock = manualClock()
  const store = memoryStore(1000)
  const expired: Lease[] = []
  const leases = leasesOf(
    store,
    clock,
    () => 0.5,
    (lease) => expired.push(lease),
  )
  const put = (key: string, lease: bigint) => store.write((draft) => draft.put(Buffer.from(key), Buffer.from(''), lease))
  return { clock, store, leases, expired, put }
}

describe('a lease', () => {
  it('takes its keys along when it expires, in one revision', () => {
    const { clock, store, leases, expired, put } = setUp()
    leases.grant(7n, 10n)
    put('b', 7n)
    put('a', 7n)
    put('c', 0n)
    clock.advanceSync(9_999)
    expect([leases.get(7n)?.keys, leases.get(7n)?.remaining, store.revision]).toEqual([['a', 'b'], 0n, 4n])
    clock.advanceSync(1)
    expect(leases.has(7n)).toBe(false)
    expect(store.changes(5n, 10).map((changes) => changes.map(({ key }) => key))).toEqual([['a', 'b']])
    expect(expired.map(({ id }) => id)).toEqual([7n])
  })

  it('lives as long as it is renewed', () => {
    const { clock, leases } = setUp()
    leases.grant(7n, 10n)
    for (let i = 0; i < 5; i++) {
      clock.advanceSync(9_000)
      expect(leases.renew(7n)?.remaining).toBe(10n)
    }
    clock.advanceSync(10_000)
    expect(leases.renew(7n)).toBeUndefined()
  })

  it('lets go of a key that is deleted, put again without it or with another', () => {
    const { store, leases, put } = setUp()
    leases.grant(7n, 10n)
    leases.grant(8n, 10n)
    for (const key of ['a', 'b', 'c', 'd']) put(key, 7n)
    put('a', 0n)
    put('b', 8n)
    store.write((draft) => draft.delete({ start: 'c', end: 'd' }))
    expect([leases.get(7n)?.keys, leases.get(8n)?.keys]).toEqual([['d'], ['b']])
    leases.revoke(7n)
    expect([...store.range({ start: 'a', end: undefined })].map(({ key }) => String(key))).toEqual(['a', 'b'])
  })

  it('may be longer than a timer', () => {
    const { clock, leases } = setUp()
    leases.grant(7n, 9_000_000_000n)
    for (let i = 0; i < 3; i++) clock.advanceSync(2 ** 31)
    expect(leases.has(7n)).toBe(true)
    expect(() => leases.grant(8n, 9_000_000_001n)).toThrow('out_of_range: etcdserver: too large lease TTL')
  })

  it('gets an id that is free when none is given, and at least a second', () => {
    const { leases } = setUp()
    const { id, ttl } = leases.grant(0n, 0n)
    expect([id > 0n, ttl]).toEqual([true, 1n])
    expect(() => leases.grant(id, 5n)).toThrow('failed_precondition: etcdserver: lease already exists')
    expect(() => leases.revoke(1n)).toThrow('not_found: etcdserver: requested lease not found')
  })
})
