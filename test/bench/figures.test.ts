import { describe, expect, it } from 'vitest'
import { chart } from '../../bench/harness/chart.ts'
import { type Figures, figures, Histogram, medians } from '../../bench/harness/figures.ts'
import { calls, cpu, megabytes, ratios, table } from '../../bench/harness/table.ts'
import { targets, targetTable } from '../../bench/harness/targets.ts'

const round = (rps: number, more: Partial<Figures> = {}): Figures => ({
  rps,
  p50us: 300,
  p99us: 1500,
  maxUs: 2000,
  clientCpuUs: 1,
  serverCpuUs: 1,
  ...more,
})

const cells = (text: string): string[][] => text.split('\n').map((line) => line.split(/ {3,}/))

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

describe('figures', () => {
  it('are what was counted, by second and by call', () => {
    const measured = { count: 500, seconds: 0.5, cpuUs: 1000, p50us: 300, p99us: 1500, maxUs: 2000 }
    expect(figures(measured, 4000)).toEqual(round(1000, { clientCpuUs: 2, serverCpuUs: 8 }))
    expect(figures({ ...measured, streamed: 600 }, 4000).streamed).toBe(1200)
  })
})

describe('medians', () => {
  it('are taken of each figure by itself', () => {
    const rounds = [round(1, { p50us: 30, p99us: 2 }), round(9, { p50us: 10, p99us: 3 }), round(5, { p50us: 20, p99us: 1 })]
    expect(medians(rounds)).toEqual(round(5, { p50us: 20, p99us: 2 }))
  })

  it('keep hundredths of processor time', () => {
    const timed = (clientCpuUs: number, serverCpuUs: number) => round(1, { clientCpuUs, serverCpuUs })
    expect(medians([timed(1.5, 9), timed(2.2549, 7), timed(8, 8)])).toEqual(timed(2.25, 8))
  })

  it('lie in the middle of an even number', () => {
    expect(medians([round(1), round(2), round(5), round(100)]).rps).toBe(4)
  })
})

describe('the tables', () => {
  const results = new Map([
    ['beckon', new Map([[64, round(90_000, { clientCpuUs: 1.5, serverCpuUs: 2.5 })]])],
    ['grpc-js', new Map([[64, round(7500, { clientCpuUs: 100, serverCpuUs: 60 })]])],
  ])

  it('give figures by level', () => {
    expect(cells(table(results, 'Unary', calls, 'in flight'))).toEqual([
      ['Unary', '64 in flight'],
      ['beckon', '90.0k/s (300 µs / 1.50 ms)'],
      ['grpc-js', '7.5k/s (300 µs / 1.50 ms)'],
    ])
    expect(cells(table(results, 'CPU', cpu, 'in flight'))[2]).toEqual(['grpc-js', '100.0 / 60.0'])
  })

  it('give bytes per second where the level is a size', () => {
    const sizes = new Map([['beckon', new Map([[1_000_000, round(500)]])]])
    expect(cells(table(sizes, 'Sizes', megabytes, 'bytes'))).toEqual([
      ['Sizes', '1,000,000 bytes'],
      ['beckon', '500.0 MB/s (0.5k/s)'],
    ])
  })

  it("give the first one's multiple of every other", () => {
    expect(cells(ratios(results, 'in flight'))[1]).toEqual(['beckon / grpc-js', '× 12.0'])
  })

  it('make the chart: calls per second, the most first', () => {
    const texts = [...chart(results).matchAll(/<text[^>]*>([^<]*)</g)].map(([, text]) => text)
    expect(texts.slice(0, 5)).toEqual(['Unary calls per second, 64 in flight', 'beckon', '90.0k', 'grpc-js', '7.5k'])
  })
})

describe('the targets', () => {
  const byLevel = (rps: number, p50us: number) => new Map([1, 64, 256].map((level) => [level, round(rps, { p50us })]))

  it('are judged against the peers they name, the fastest one on Node among them', () => {
    const unary = new Map([
      ['beckon', byLevel(100_000, 70)],
      ['bare-socket', byLevel(400_000, 50)],
      ['grpc-js', byLevel(4000, 350)],
      ['nest-tcp', byLevel(50_000, 100)],
      ['grpc-go', byLevel(90_000, 60)],
    ])
    const judged = targets({ unary }).map(({ what, measured, reached }) => [what, measured, reached])
    expect(judged.slice(0, 4)).toEqual([
      ['1 in flight, p50 × grpc-js', 0.2, true],
      ['1 in flight, p50 × nest-tcp, the fastest on Node', 0.7, true],
      ['1 in flight, p50 × go-kit', undefined, undefined],
      ['64 in flight, calls/s × grpc-js', 25, true],
    ])
    expect(judged[4]).toEqual(['64 in flight, calls/s × nest-tcp, the fastest on Node', 2, false])
  })

  it('tell how much more processor time the other takes', () => {
    const busy = new Map([[1_000_000, round(500, { clientCpuUs: 3, serverCpuUs: 3 })]])
    const sizes = new Map([
      ['beckon', new Map([[1_000_000, round(800)]])],
      ['grpc-js', busy],
    ] as const)
    expect(targets({ sizes })).toEqual([{ what: '1 MB messages, MB/s × grpc-js', target: '≥ 2', measured: 1.6, reached: false, cpu: 3 }])
  })

  it('take off what the socket needs itself from what an idle connection holds', () => {
    const kilobyte = (heap: number, rss: number) => ({ heap: heap * 1024, rss: rss * 1024 })
    const memory = { idleConnection: { beckon: kilobyte(9, 22), 'idle-socket': kilobyte(1, 4) }, callInFlight: {} }
    expect(targets({ memory }).map(({ measured, reached }) => [measured, reached])).toEqual([
      [8, true],
      [18, false],
    ])
  })

  it('have a mark for people', () => {
    const all = [
      { what: 'a', target: '≥ 2', measured: 3, reached: true, cpu: 4 },
      { what: 'b', target: '≤ 1' },
    ]
    expect(
      targetTable(all)
        .split('\n')
        .slice(1)
        .map((line) => line.replace(/ +/g, ' ')),
    ).toEqual(['✓ a ≥ 2 3 × 4', '– b ≤ 1 not measured'])
  })
})
