import { describe, expect, it } from 'vitest'
import { point } from '../../src/dev/span.ts'
import { memoryStore, type Store } from '../../src/dev/store.ts'

const bytes = (text: string) => Buffer.from(text)
const all = { start: '\0', end: undefined }

function put(store: Store, key: string, value = ''): void {
  store.write((draft) => draft.put(bytes(key), bytes(value), 0n))
}

function keysAt(store: Store, revision?: bigint): string[] {
  return [...store.range(all, revision)].map((kv) => `${Buffer.from(kv.key)}=${Buffer.from(kv.value)}`)
}

describe('a store', () => {
  it('is at revision 1 when empty, and counts transactions that change something', () => {
    const store = memoryStore(100)
    expect(store.revision).toBe(1n)
    put(store, 'a')
    store.write((draft) => draft.delete(point('b')))
    store.write((draft) => {
      draft.put(bytes('b'), bytes(''), 0n)
      draft.put(bytes('c'), bytes(''), 0n)
    })
    expect(store.revision).toBe(3n)
  })

  it('shows any revision since the last compaction', () => {
    const store = memoryStore(100)
    put(store, 'a', '1')
    put(store, 'a', '2')
    store.write((draft) => draft.delete(point('a')))
    put(store, 'b', '3')
    expect([1n, 2n, 3n, 4n, 5n].map((revision) => keysAt(store, revision))).toEqual([[], ['a=1'], ['a=2'], [], ['b=3']])
    store.compact(3n)
    expect(keysAt(store, 3n)).toEqual(['a=2'])
    expect(() => store.compact(3n)).toThrow('out_of_range: etcdserver: mvcc: required revision has been compacted')
    expect(() => store.compact(6n)).toThrow('out_of_range: etcdserver: mvcc: required revision is a future revision')
  })

  it('tells the changes of each transaction in order, with what was there before', () => {
    const store = memoryStore(100)
    const told: unknown[] = []
    store.onCommit((revision, changes) =>
      told.push([revision, ...changes.map(({ key, kv, previous }) => [key, kv.version, previous?.version])]),
    )
    put(store, 'a')
    store.write((draft) => {
      draft.put(bytes('b'), bytes(''), 0n)
      draft.delete(point('a'))
    })
    expect(told).toEqual([
      [2n, ['a', 1n, undefined]],
      [3n, ['b', 1n, undefined], ['a', 0n, 1n]],
    ])
  })

  it('tells of a key that one transaction puts and deletes, and that nothing was there before', () => {
    const store = memoryStore(100)
    const told: unknown[] = []
    store.onCommit((_, changes) => told.push(...changes.map(({ kv, previous }) => [kv.version, previous?.version])))
    store.write((draft) => {
      draft.put(bytes('a'), bytes('1'), 0n)
      draft.delete(point('a'))
    })
    expect(told).toEqual([
      [1n, undefined],
      [0n, undefined],
    ])
    expect(keysAt(store)).toEqual([])
  })

  it('forgets by itself what is older than its limit, and keeps what is there', () => {
    const store = memoryStore(10)
    put(store, 'old')
    for (let i = 0; i < 1000; i++) put(store, 'hot', String(i))
    expect(store.changes(0n, 2000).length).toBeLessThanOrEqual(12)
    expect(store.changes(store.revision - 9n, 2000).length).toBe(10)
    expect(keysAt(store)).toEqual(['hot=999', 'old='])
    expect(keysAt(store, store.compacted)).toEqual([`hot=${store.compacted - 3n}`, 'old='])
  })

  it('holds no trace of keys that are gone for good', () => {
    const store = memoryStore(10)
    for (let i = 0; i < 1000; i++) {
      put(store, `key${i}`)
      store.write((draft) => draft.delete(point(`key${i}`)))
    }
    store.compact(store.revision)
    expect([keysAt(store), store.changes(0n, 10)]).toEqual([[], [[]]])
  })
})
