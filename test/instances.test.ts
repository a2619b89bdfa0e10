import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { differences, type Instance, type Instances, instancesOf, nobody } from '../src/index.ts'

const at = (id: string, version = '1'): Instance => ({ id, service: 's', address: 'h:1', version })
const numbered = (count: number): Instance[] => Array.from({ length: count }, (_, i) => at(`i${String(i).padStart(6, '0')}`))
const change = (set: Instances, ...changed: Instance[]): Instances => set.with(new Map(changed.map((one) => [one.id, one])))
const newRuns = (before: Instances, after: Instances): number => after.runs.filter((run) => !before.runs.includes(run)).length

/** Batches of changes, some of which come to hundreds in one place; `undefined` for who leaves. */
const changes = fc.array(
  fc
    .record({ from: fc.nat(600), count: fc.oneof(fc.nat(3), fc.nat(300)), step: fc.integer({ min: 1, max: 7 }), version: fc.nat(3) })
    .map(({ from, count, step, version }) => {
      const ids = Array.from({ length: count }, (_, i) => String((from + i * step) % 997))
      return new Map(ids.map((id) => [id, version === 0 ? undefined : at(id, String(version))] as const))
    }),
  { maxLength: 12 },
)

const sorted = (map: ReadonlyMap<string, Instance>): Instance[] => [...map.values()].sort((a, b) => (a.id < b.id ? -1 : 1))

describe('a set of instances', () => {
  it('is a sorted map, whatever changes, and stays what it was', () => {
    fc.assert(
      fc.property(changes, (batches) => {
        let set = nobody
        const model = new Map<string, Instance>()
        const history: [Instances, Instance[]][] = []
        for (const batch of batches) {
          set = set.with(batch)
          for (const [id, instance] of batch) {
            if (instance === undefined) model.delete(id)
            else model.set(id, instance)
          }
          history.push([set, sorted(model)])
        }
        for (const [then, instances] of history) {
          expect([...then]).toEqual(instances)
          expect(then.map(({ id }) => id)).toEqual(instances.map(({ id }) => id))
          expect(then.size).toBe(instances.length)
          const keep = ({ id }: Instance): boolean => Number(id) % 3 === 0
          expect([...then.filter(keep)]).toEqual(instances.filter(keep))
          for (const run of then.runs) expect(run.length > 0 && run.length <= 128).toBe(true)
        }
        for (let i = 0; i < 997; i++) if (set.get(String(i)) !== model.get(String(i))) expect.fail(`get(${i}) is wrong`)
      }),
      { numRuns: 50 },
    )
  })

  it('differs from any other in exactly what is different', () => {
    fc.assert(
      fc.property(changes, fc.nat(11), fc.nat(11), (batches, one, other) => {
        const history = [nobody]
        for (const batch of batches) history.push((history.at(-1) as Instances).with(batch))
        const [before, after] = [one, other].map((i) => history[i % history.length]) as [Instances, Instances]
        const ids = [...new Set([...before, ...after].map(({ id }) => id))].sort()
        const expected = ids.map((id) => ({ before: before.get(id), after: after.get(id) })).filter((pair) => pair.before !== pair.after)
        const found = [...differences(before, after)]
        expect(found).toEqual(expected)
        for (const [i, pair] of found.entries()) {
          expect(pair.before).toBe(expected[i]?.before)
          expect(pair.after).toBe(expected[i]?.after)
        }
        expect([...differences(before, instancesOf([...before]))]).toEqual([])
      }),
    )
  })

  it('differs in one, wherever in a run that is', () => {
    const set = instancesOf(numbered(300))
    for (const before of set)
      for (const after of [at(before.id, '2'), undefined]) {
        const other = set.with(new Map([[before.id, after]]))
        expect([...differences(set, other)]).toEqual([{ before, after }])
        expect([...differences(other, set)]).toEqual([{ before: after, after: before }])
      }
  })

  it('shares with the one it was made from all but a run or two', () => {
    const set = instancesOf(numbered(10_000))
    const updated = change(set, at('i005000', '2'))
    const grown = change(updated, at('i005000a'))
    const shrunk = grown.with(new Map([['i007000', undefined]]))
    expect(newRuns(set, updated)).toBe(1)
    expect(newRuns(updated, grown)).toBeLessThanOrEqual(2)
    expect(newRuns(grown, shrunk)).toBe(1)
    expect(shrunk.size).toBe(10_000)
  })

  it('is itself where nothing is different', () => {
    const set = instancesOf(numbered(300))
    expect(
      set.with(
        new Map([
          ['i000007', set.get('i000007')],
          ['x', undefined],
        ]),
      ),
    ).toBe(set)
    expect(set.filter(() => true)).toBe(set)
    expect(instancesOf(set)).toBe(set)
    expect(instancesOf([at('a', '1'), at('a', '2')]).get('a')?.version).toBe('2')
  })

  it('asks a filter about nobody it has asked about before, but for their neighbours', () => {
    let asked = 0
    const keep = ({ version }: Instance): boolean => {
      asked += 1
      return version === '2'
    }
    const set = instancesOf(numbered(10_000))
    expect(set.filter(keep).size).toBe(0)
    expect(asked).toBe(10_000)
    const changed = change(set, at('i005000', '2')).filter(keep)
    expect([...changed].map(({ id }) => id)).toEqual(['i005000'])
    expect(asked).toBeLessThanOrEqual(10_128)
  })

  it('does not become a list of short runs when most leave', () => {
    const all = numbered(20_000)
    let set = instancesOf(all)
    for (const [i, { id }] of all.entries()) if (i % 40 !== 0) set = set.with(new Map([[id, undefined]]))
    expect(set.size).toBe(500)
    expect(set.runs.length).toBeLessThan(40)
  })
})
