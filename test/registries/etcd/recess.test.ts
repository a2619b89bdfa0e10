import { describe, expect, it } from 'vitest'
import { createRecess } from '../../../src/registries/etcd/recess.ts'

describe('a recess', () => {
  it('is shared by all who met the same error, until it ends, except by those whose records are touched', async () => {
    const asked: number[] = []
    const ends: (() => void)[] = []
    const recess = createRecess({
      pause(ms) {
        asked.push(ms)
        return new Promise((resolve) => ends.push(resolve))
      },
    })
    const ended: string[] = []
    const pause = (ms: number, code: string) => void recess.pause(ms, code).then(() => ended.push(`${code} ${ms}`))
    pause(10, 'unavailable')
    pause(20, 'unavailable')
    pause(30, 'permission_denied')
    pause(40, 'aborted')
    pause(50, 'aborted')
    expect(asked).toEqual([10, 30, 40, 50])
    ends[0]?.()
    await new Promise(setImmediate)
    expect(ended).toEqual(['unavailable 10', 'unavailable 20'])
    pause(60, 'unavailable')
    expect(asked.at(-1)).toBe(60)
  })
})
