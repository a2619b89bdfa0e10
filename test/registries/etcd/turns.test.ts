import { describe, expect, it } from 'vitest'
import { createTurns } from '../../../src/registries/etcd/turns.ts'

describe('turns', () => {
  it('are taken so many at a time, in order, and given on by those who fail', async () => {
    const turns = createTurns(2)
    const began: number[] = []
    const ends: (() => void)[] = []
    const tasks = [0, 1, 2, 3].map((n) =>
      turns.run(async () => {
        began.push(n)
        await new Promise<void>((resolve) => ends.push(resolve))
        if (n === 0) throw new Error('failed')
        return n
      }),
    )
    const settled = Promise.allSettled(tasks)
    await new Promise(setImmediate)
    expect([began, turns.movedAt]).toEqual([[0, 1], Number.NEGATIVE_INFINITY])
    ends[0]?.()
    await new Promise(setImmediate)
    expect([began, turns.movedAt]).toEqual([[0, 1, 2], Number.NEGATIVE_INFINITY])
    const before = performance.now()
    for (let i = 1; i < 4; i++) {
      ends[i]?.()
      await new Promise(setImmediate)
    }
    expect((await settled).map(({ status }) => status)).toEqual(['rejected', 'fulfilled', 'fulfilled', 'fulfilled'])
    expect(turns.movedAt).toBeGreaterThanOrEqual(before)
    expect(await turns.run(async () => 'again')).toBe('again')
  })
})
