import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { DynamicTable } from '../../src/http2/table.ts'

/** Each counts 32 octets more than it has. */
const sizeOf = (entries: readonly (readonly [string, string])[]): number =>
  entries.reduce((sum, [name, value]) => sum + name.length + value.length + 32, 0)

describe('HPACK’s tables', () => {
  it('begin with the static one of RFC 7541, appendix A', () => {
    const table = new DynamicTable()
    expect([1, 2, 15, 16, 61].map((index) => [table.name(index), table.value(index)])).toEqual([
      [':authority', ''],
      [':method', 'GET'],
      ['accept-charset', ''],
      ['accept-encoding', 'gzip, deflate'],
      ['www-authenticate', ''],
    ])
    for (const index of [0, 62]) expect(() => table.name(index)).toThrow(expect.objectContaining({ http2: 9 }))
  })

  it('keep the latest entries that their size has room for', () => {
    const insert = fc.tuple(fc.string({ maxLength: 12 }), fc.string({ maxLength: 40 }))
    const resize = fc.oneof(fc.nat(600), fc.integer({ min: 32, max: 60 }))
    fc.assert(
      fc.property(fc.array(fc.oneof({ weight: 9, arbitrary: insert }, resize), { minLength: 200, maxLength: 300 }), (steps) => {
        const table = new DynamicTable()
        const entries: (readonly [string, string])[] = []
        let max = 4096
        for (const step of steps) {
          if (typeof step === 'number') {
            max = step
            table.resize(step)
          } else {
            entries.unshift(step)
            table.insert(...step)
          }
          while (sizeOf(entries) > max) entries.pop()
          expect(entries.map((_, i) => [table.name(62 + i), table.value(62 + i)])).toEqual(entries)
          expect(() => table.name(62 + entries.length)).toThrow(expect.objectContaining({ http2: 9 }))
        }
      }),
      { numRuns: 5 },
    )
  })
})
