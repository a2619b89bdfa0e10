import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { sortedMap } from '../../src/dev/sorted.ts'
import { contains, isPoint, keyBytes, keyText, point, prefixOf, type Span, spanOf } from '../../src/dev/span.ts'

const key = fc.uint8Array({ minLength: 1, maxLength: 3 }).map(keyText)
const bytes = (text: string) => Buffer.from(text, 'latin1')

describe('a sorted map', () => {
  it('holds what was added and not deleted, in the order of the bytes', () => {
    const change = fc.record({ key, add: fc.boolean() })
    fc.assert(
      fc.property(fc.array(change, { maxLength: 3000, size: 'max' }), key, fc.option(key, { nil: undefined }), (changes, start, end) => {
        const map = sortedMap<{ key: string }>()
        const model = new Map<string, { key: string }>()
        for (const { key, add } of changes) {
          if (!add) {
            map.delete(key)
            model.delete(key)
          } else if (!model.has(key)) {
            model.set(key, { key })
            map.add(model.get(key) ?? { key })
          }
        }
        const keys = [...model.keys()].sort((a, b) => Buffer.compare(keyBytes(a), keyBytes(b)))
        const span = { start, end }
        expect([...map.range({ start: '\0', end: undefined })].map((one) => one.key)).toEqual(keys)
        expect([...map.range(span)].map((one) => one.key)).toEqual(keys.filter((one) => contains(span, one)))
        expect(map.get(start)).toBe(model.get(start))
        expect(map.size).toBe(model.size)
      }),
      { seed: 1, numRuns: 30 },
    )
  })
})

describe('a span', () => {
  const of = (key: string, rangeEnd: string) => spanOf({ key: bytes(key), rangeEnd: bytes(rangeEnd) })

  it('is one key without an end, everything after with an end of zero', () => {
    expect(of('a', '')).toEqual(point('a'))
    expect(of('a', '\0')).toEqual({ start: 'a', end: undefined })
    expect([contains(point('a'), 'a'), contains(point('a'), 'a\0'), contains(point('a'), 'aa')]).toEqual([true, false, false])
    expect([isPoint(point('a')), isPoint(of('a', 'b')), isPoint(of('', '\0'))]).toEqual([true, false, false])
  })

  it.each<[string, Span, string | undefined]>([
    ['the next byte', of('ab', 'ac'), 'ab'],
    ['a carry', of('a\xff', 'b'), 'a\xff'],
    ['only 0xff', of('\xff\xff', '\0'), '\xff\xff'],
    ['all keys', of('\0', '\0'), ''],
    ['a range', of('a', 'c'), undefined],
    ['from a key on', of('a', '\0'), undefined],
    ['nothing', of('b', 'a'), undefined],
  ])('knows whether it is a prefix: %s', (_, span, prefix) => {
    expect(prefixOf(span)).toBe(prefix)
  })
})
