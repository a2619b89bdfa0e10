import { describe, expect, it } from 'vitest'
import { chart } from '../../bench/harness/chart.ts'
import { Histogram, medians } from '../../bench/harness/figures.ts'
import { cpuTable, table } from '../../bench/harness/table.ts'

describe('a histogram', () => {
  it('tells what a share of the durations does not exceed, to the microsecond', () => {
    const times = new Histogram()
    for (let us = 1; us <= 100; us++) times.add(us / 1000)
    expect([times.total, times.percentile(0.5), times.percentile(0.99), times.percentile(1)]).toEqual([100, 50, 99, 100])
  })

  it('counts what takes longer than a second as a second', () => {
    const times = new Histogram()
    times.add(5000)
    expect(times.percentile(0.99)).toBe(1_000_000)
  })
})

describe('medians', () => {
  const round = (rps: number, p50us = 0, p99us = 0) => ({ rps, p50us, p99us })

  it('are taken of each figure by itself', () => {
    expect(medians([round(1, 30, 2), round(9, 10, 3), round(5, 20, 1)])).toEqual(round(5, 20, 2))
  })

  it('have processor time where every round has it', () => {
    const timed = (clientCpuUs: number, serverCpuUs: number) => ({ ...round(1), clientCpuUs, serverCpuUs })
    expect(medians([timed(1.5, 9), timed(2.25, 7), timed(8, 8)])).toEqual({ ...round(1), clientCpuUs: 2.25, serverCpuUs: 8 })
    expect(medians([timed(1, 1), round(1)])).toEqual(round(1))
  })

  it('lie in the middle of an even number', () => {
    expect(medians([round(1), round(2), round(5), round(100)]).rps).toBe(4)
  })
})

describe('the table', () => {
  it("gives figures by level, and the first one's multiple of every other", () => {
    const figures = (rps: number) => new Map([[64, { rps, p50us: 300, p99us: 1500 }]])
    const text = table(new Map(Object.entries({ beckon: figures(90_000), 'grpc-js': figures(7500) })), [64])
    const cells = text.split('\n').map((line) => [line.slice(0, 16).trim(), line.slice(16).trim()])
    expect(cells).toEqual([
      ['', '64 in flight'],
      ['beckon', '90.0k/s (300 µs / 1.50 ms)'],
      ['grpc-js', '7.5k/s (300 µs / 1.50 ms)'],
      ['beckon / grpc-js', '× 12.0'],
    ])
  })
})

describe('processor time', () => {
  const timed = (clientCpuUs: number, serverCpuUs: number) => new Map([[64, { rps: 1, p50us: 1, p99us: 1, clientCpuUs, serverCpuUs }]])
  const results = new Map(Object.entries({ beckon: timed(1.5, 2.5), 'grpc-js': timed(100, 60) }))

  it('is told of both sides, where it is known', () => {
    const unknown = new Map([...results, ['other', new Map([[64, { rps: 1, p50us: 1, p99us: 1 }]])]])
    const cells = cpuTable(unknown, [64])
      .split('\n')
      .map((line) => line.split(/ {2,}/))
    expect(cells.slice(1)).toEqual([
      ['beckon', '1.5 / 2.5'],
      ['grpc-js', '100.0 / 60.0'],
      ['other', '–'],
    ])
  })

  it('makes the chart: calls per second of it, the most first', () => {
    const texts = [...chart(results, 64).matchAll(/<text[^>]*>([^<]*)</g)].map(([, text]) => text)
    expect(texts.slice(1)).toEqual(['beckon', '250.0k', 'grpc-js', '6.3k'])
  })
})
