import { describe, expect, it } from 'vitest'
import { borrow, giveBack } from '../../src/http2/lending.ts'

const megabyte = 1_048_576

describe('lent memory', () => {
  it('is at least as long as asked for, and hardly longer', () => {
    for (const bytes of [300_000, megabyte, megabyte + 1, 1_000_000]) {
      const { length } = borrow(bytes)
      expect(length).toBeGreaterThanOrEqual(bytes)
      expect(length).toBeLessThan(bytes * 1.25)
    }
  })

  it('is lent to one at a time, and again once it is back', () => {
    const first = borrow(megabyte)
    const second = borrow(megabyte)
    expect(second.buffer).not.toBe(first.buffer)
    giveBack(first.subarray(10, 20))
    const third = borrow(megabyte - 100)
    expect(third.buffer).toBe(first.buffer)
    expect(third.length).toBe(megabyte)
    giveBack(second)
    giveBack(third)
  })

  it('is taken back once', () => {
    const one = borrow(megabyte)
    giveBack(one)
    giveBack(one)
    const taken = Array.from({ length: 10 }, () => borrow(megabyte).buffer)
    expect(new Set(taken).size).toBe(10)
    expect(taken).toContain(one.buffer)
  })

  it('is not anybody else’s', () => {
    const mine = Buffer.allocUnsafeSlow(megabyte)
    giveBack(mine)
    expect(borrow(megabyte).buffer).not.toBe(mine.buffer)
  })

  it('is not lent for something smaller', () => {
    const large = borrow(2 * megabyte)
    giveBack(large)
    expect(borrow(megabyte).buffer).not.toBe(large.buffer)
  })

  it('is kept up to 4 MiB, the last that came back first', () => {
    const pieces = Array.from({ length: 6 }, () => borrow(megabyte))
    for (const one of pieces) giveBack(one)
    const again = pieces.map(() => borrow(megabyte).buffer)
    expect(pieces.map(({ buffer }) => again.includes(buffer))).toEqual([false, false, true, true, true, true])
    const huge = borrow(5 * megabyte)
    giveBack(huge)
    expect(borrow(5 * megabyte).buffer).not.toBe(huge.buffer)
  })
})
