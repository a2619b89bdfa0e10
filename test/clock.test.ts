import { spawnSync } from 'node:child_process'
import { describe, expect, it, vi } from 'vitest'
import { alarm, coarseClock, sleep, systemClock } from '../src/clock.ts'
import { manualClock } from '../src/testing/index.ts'
import { failure } from './support/context.ts'

describe('systemClock', () => {
  it('calls back once, after the time', async () => {
    const began = systemClock.now()
    await new Promise<void>((resolve) => systemClock.after(5, resolve, true))
    expect(systemClock.now() - began).toBeGreaterThan(4)
  })

  it.each([30, 70])('waits for %i days, which is longer than a timer can', (days) => {
    const day = 24 * 3_600_000
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    try {
      let [called, calledOff, never] = [0, 0, 0]
      systemClock.after(days * day, () => called++)
      systemClock.after(Number.POSITIVE_INFINITY, () => never++)
      const callOff = systemClock.after(days * day, () => calledOff++)
      vi.advanceTimersByTime((days - 1) * day)
      expect(called).toBe(0)
      callOff()
      vi.advanceTimersByTime(day)
      expect([called, calledOff, never]).toEqual([1, 0, 0])
    } finally {
      vi.useRealTimers()
    }
  })

  it('does not call back before the time, fractions included', () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    try {
      let called = 0
      systemClock.after(1.5, () => called++)
      vi.advanceTimersByTime(1)
      expect(called).toBe(0)
      vi.advanceTimersByTime(1)
      expect(called).toBe(1)
    } finally {
      vi.useRealTimers()
    }
  })

  it('does not call back when it was called off', async () => {
    let called = false
    const callOff = systemClock.after(1, () => {
      called = true
    })
    callOff()
    await sleep(systemClock, 10, { keepAlive: true })
    expect(called).toBe(false)
  })
})

describe('coarseClock', () => {
  it('stands still while microtasks run, and then goes on', async () => {
    const before = coarseClock.now()
    while (systemClock.now() < before + 2);
    expect(coarseClock.now()).toBe(before)
    await new Promise(setImmediate)
    expect(coarseClock.now()).toBeGreaterThanOrEqual(before + 2)
  })
})

describe('alarm', () => {
  it('rings once, at the time or when its signal is aborted, and not when it was called off', async () => {
    const clock = manualClock()
    const rung: string[] = []
    const set = (name: string, signal?: AbortSignal): (() => void) =>
      alarm(clock, 100, { signal }, (reason) => rung.push(`${name} ${reason?.code ?? 'in time'}`))
    const controller = new AbortController()
    set('a')
    set('b', controller.signal)
    set('c', AbortSignal.timeout(60_000))()
    set('d', AbortSignal.abort())()
    set('e', AbortSignal.abort())
    expect(rung).toEqual([])
    await clock.advance(50)
    controller.abort()
    expect(rung).toEqual(['e canceled', 'b canceled'])
    await clock.advance(50)
    expect(rung).toEqual(['e canceled', 'b canceled', 'a in time'])
    expect(clock.waiting).toBe(0)
  })
})

describe('sleep', () => {
  it('lasts as long as it should', async () => {
    const clock = manualClock()
    let awake = false
    const slept = sleep(clock, 100).then(() => {
      awake = true
    })
    await clock.advance(99)
    expect(awake).toBe(false)
    await clock.advance(1)
    expect(awake).toBe(true)
    await slept
  })

  it('ends with the reason when its signal is aborted, before or during', async () => {
    const clock = manualClock()
    const controller = new AbortController()
    const during = failure(sleep(clock, 100, { signal: controller.signal }))
    controller.abort(new Error('enough'))
    expect(await during).toMatchObject({ code: 'canceled', rawMessage: 'enough' })
    expect((await failure(sleep(clock, 100, { signal: AbortSignal.abort() }))).code).toBe('canceled')
    expect(clock.waiting).toBe(0)
  })

  it.each([
    [true, 20, 'awake'],
    [false, 600_000, ''],
  ])('keeps the process alive: %s', (keepAlive, ms, printed) => {
    const module = JSON.stringify(new URL('../src/clock.ts', import.meta.url).href)
    const script = `import(${module}).then(async ({ sleep, systemClock }) => {
      await sleep(systemClock, ${ms}, { keepAlive: ${keepAlive} })
      console.log('awake')
    })`
    const child = spawnSync(process.execPath, ['--import', 'tsx', '--eval', script], { encoding: 'utf8', timeout: 15_000 })
    expect({ stdout: child.stdout.trim(), stderr: child.stderr, status: child.status }).toEqual({ stdout: printed, stderr: '', status: 0 })
  })
})
