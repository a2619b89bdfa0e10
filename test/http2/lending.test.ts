import { describe, expect, it } from 'vitest'
import { borrow, giveBack } from '../../src/http2/lending.ts'

const megabyte = 1_048_576

describe('lent memory', () => {
  it('is at least as long as asked for', () => {
    for (const bytes of [1, 300_000, megabyte, megabyte + 1]) expect(borrow(bytes).length).toBeGreaterThanOrEqual(bytes)
  })

  it('is lent to one at a time, and again once it is back', () => {
    const first = borrow(megabyte)
    const second = borrow(megabyte)
    expect(second.buffer).not.toBe(first.buffer)
    giveBack(first.subarray(10, 20))
    const third = borrow(megabyte)
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

  it('is not lent for something much smaller', () => {
    const large = borrow(8 * megabyte)
    giveBack(large)
    expect(borrow(300_000).buffer).not.toBe(large.buffer)
  })
})
