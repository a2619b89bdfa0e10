import { describe, expect, it } from 'vitest'
import { written } from './source.ts'

interface Length {
  readonly path: string
  readonly lines: number
}

/** One line for every way in which the files are too long: median ≤ 80 lines, 90 % ≤ 200, none above 400. */
function tooLong(files: readonly Length[]): readonly string[] {
  const sorted = [...files].sort((a, b) => a.lines - b.lines)
  const at = (share: number): number => sorted[Math.ceil(sorted.length * share) - 1]?.lines ?? 0
  const limits = [
    { what: 'the median', limit: 80, is: at(0.5) },
    { what: 'the 90th percentile', limit: 200, is: at(0.9) },
  ]
  const shares = limits.filter(({ is, limit }) => is > limit).map(({ what, is, limit }) => `${what} is ${is} lines, over ${limit}`)
  return [...shares, ...sorted.filter(({ lines }) => lines > 400).map(({ path, lines }) => `src/${path} has ${lines} lines, over 400`)]
}

function lengths(...lines: readonly number[]): readonly Length[] {
  return lines.map((count, index) => ({ path: `${index}.ts`, lines: count }))
}

describe('files in src/', () => {
  it('are short', () => {
    const files = written().map(({ path, text }) => ({ path, lines: text.split('\n').length - 1 }))
    expect(files.length).toBeGreaterThan(10)
    expect(tooLong(files)).toEqual([])
  })

  it('are measured by median, 90th percentile and longest', () => {
    expect(tooLong(lengths(10, 80, 80, 80, 80, 80, 80, 80, 200, 400))).toEqual([])
    expect(tooLong(lengths(10, 81, 100))).toEqual(['the median is 81 lines, over 80'])
    expect(tooLong(lengths(1, 1, 1, 1, 1, 1, 1, 1, 201, 202))).toEqual(['the 90th percentile is 201 lines, over 200'])
    expect(tooLong(lengths(1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 401))).toEqual(['src/10.ts has 401 lines, over 400'])
  })
})
