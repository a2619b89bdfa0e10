import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createJoin } from '../../../src/registries/etcd/join.ts'
import type { Instance } from '../../../src/registry.ts'

const instance = fc
  .record({ id: fc.nat(6), port: fc.integer({ min: 1, max: 6 }) })
  .map(({ id, port }): Instance => ({ id: String(id), service: 's', address: `h:${port}` }))

/** A record of one of the layouts says something else; nothing when it goes. */
const changes = fc.array(fc.record({ rank: fc.nat(2), key: fc.nat(5), after: fc.array(instance, { maxLength: 3 }) }), { maxLength: 40 })

/** The rule, as it is said: for each id the claim of the first layout whose address no earlier layout knows. */
function joined(layouts: readonly ReadonlyMap<string, readonly Instance[]>[]): Instance[] {
  const told = new Map<string, Instance>()
  for (const [rank, records] of layouts.entries()) {
    const known = new Set(layouts.slice(0, rank).flatMap((earlier) => [...earlier.values()].flat().map(({ address }) => address)))
    for (const key of [...records.keys()].sort()) {
      for (const one of records.get(key) ?? []) if (!told.has(one.id) && !known.has(one.address)) told.set(one.id, one)
    }
  }
  return [...told.values()].sort((a, b) => (a.id < b.id ? -1 : 1))
}

describe('the join of several layouts', () => {
  it.each([1, 3])('has each instance once, of the first of %i that knows it, however they came there', (count) => {
    fc.assert(
      fc.property(changes, fc.nat(7), (all, every) => {
        const join = createJoin(count)
        const layouts = Array.from({ length: count }, () => new Map<string, readonly Instance[]>())
        for (const [i, { rank, key, after }] of all.entries()) {
          const at = rank % count
          const name = String(key)
          join.change(at, name, layouts[at]?.get(name) ?? [], after)
          layouts[at]?.set(name, after)
          if (i % (every + 1) === 0) expect([...join.all]).toEqual(joined(layouts))
        }
        expect([...join.all]).toEqual(joined(layouts))
        expect(join.all).toBe(join.all)
      }),
      { numRuns: 500 },
    )
  })
})
