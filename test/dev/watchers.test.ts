import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { contains, keyText, spanOf } from '../../src/dev/span.ts'
import { memoryStore } from '../../src/dev/store.ts'
import { type Watcher, watchersOf } from '../../src/dev/watchers.ts'

const key = fc.array(fc.constantFrom(0, 97, 98, 255), { minLength: 1, maxLength: 3 }).map((bytes) => Uint8Array.from(bytes))
const rangeEnd = fc.oneof(key, fc.constantFrom(new Uint8Array(0), Uint8Array.of(0)))
const step = fc.oneof(
  fc.record({ kind: fc.constant('add' as const), key, rangeEnd }),
  fc.record({ kind: fc.constant('delete' as const), which: fc.nat() }),
  fc.record({ kind: fc.constant('put' as const), key }),
)

describe('watchers', () => {
  it('hear of every change in their span, once, and of no other, whatever the span', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60, size: 'max' }), (steps) => {
        const store = memoryStore(1000)
        const watchers = watchersOf(store)
        const present: Watcher[] = []
        let told: Watcher[] = []
        for (const step of steps) {
          if (step.kind === 'add') {
            const watcher: Watcher = { span: spanOf(step), notify: () => told.push(watcher) }
            watchers.add(watcher)
            present.push(watcher)
          } else if (step.kind === 'delete') {
            for (const gone of present.splice(step.which % (present.length + 1), 1)) watchers.delete(gone)
          } else {
            told = []
            store.write((draft) => draft.put(step.key, step.key, 0n))
            expect(new Set(told)).toEqual(new Set(present.filter(({ span }) => contains(span, keyText(step.key)))))
            expect(told.length).toBe(new Set(told).size)
          }
        }
      }),
      { seed: 1, numRuns: 300 },
    )
  })

  it('hear of all changes of a transaction at once', () => {
    const store = memoryStore(1000)
    const told: unknown[] = []
    watchersOf(store).add({
      span: { start: 'a', end: 'c' },
      notify: (revision, changes) => told.push([revision, ...changes.map((change) => change.key)]),
    })
    store.write((draft) => {
      for (const key of ['b', 'x', 'a']) draft.put(Buffer.from(key), Buffer.from(''), 0n)
    })
    expect(told).toEqual([[2n, 'b', 'a']])
  })
})
