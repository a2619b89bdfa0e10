import { describe, expect, it } from 'vitest'
import { sleep } from '../../src/clock.ts'
import { manualClock } from '../../src/testing/index.ts'

describe('manualClock', () => {
  it('stands still until it is advanced', async () => {
    const clock = manualClock()
    await new Promise(setImmediate)
    expect(clock.now()).toBe(0)
    clock.advanceSync(10)
    expect(clock.now()).toBe(10)
    await clock.advance(5)
    expect(clock.now()).toBe(15)
  })

  it.each(['advance', 'advanceSync'] as const)('fires what is due in order of time, then of request (%s)', async (advance) => {
    const clock = manualClock()
    const fired: [string, number][] = []
    for (const [name, ms] of [
      ['c', 30],
      ['a', 10],
      ['b1', 20],
      ['b2', 20],
      ['late', 31],
    ] as const)
      clock.after(ms, () => fired.push([name, clock.now()]))
    await clock[advance](30)
    expect(fired).toEqual([
      ['a', 10],
      ['b1', 20],
      ['b2', 20],
      ['c', 30],
    ])
    expect(clock.waiting).toBe(1)
    await clock[advance](1)
    expect(fired.at(-1)).toEqual(['late', 31])
  })

  it('fires what a callback asks for on the way', async () => {
    const clock = manualClock()
    const times: number[] = []
    const again = () => {
      times.push(clock.now())
      clock.after(10, again)
    }
    clock.after(10, again)
    clock.advanceSync(35)
    expect(times).toEqual([10, 20, 30])
  })

  it('lets continuations set timers that are due', async () => {
    const clock = manualClock()
    const times: number[] = []
    const work = async () => {
      await Promise.resolve()
      for (let i = 0; i < 3; i++) {
        await sleep(clock, 10)
        times.push(clock.now())
      }
    }
    const done = work()
    await clock.advance(30)
    expect(times).toEqual([10, 20, 30])
    await done
  })

  it('does not fire what was called off', async () => {
    const clock = manualClock()
    let fired = false
    const callOff = clock.after(10, () => {
      fired = true
    })
    callOff()
    callOff()
    await clock.advance(100)
    expect(fired).toBe(false)
    expect(clock.waiting).toBe(0)
  })
})
