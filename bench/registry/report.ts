import type { ChangeFigures, ChangeResults } from './change.ts'
import type { LatencyResults } from './latency.ts'
import type { Results } from './results.ts'
import type { Target } from './targets.ts'

/** All tables. */
export function toText({ change, putToListenerMs }: Results): string {
  return [...(change ? changeTables(change) : []), ...(putToListenerMs ? [latencyTable(putToListenerMs)] : [])].join('\n\n')
}

function changeTables(change: ChangeResults): readonly string[] {
  const sizes = Object.keys(change.beckon ?? {})
  const rows = (title: string, of: (figures: ChangeFigures) => string): string =>
    align([
      [title, ...sizes.map((size) => `${Number(size).toLocaleString('en')} instances`)],
      ...Object.entries(change).map(([name, bySize]) => [name, ...sizes.map((size) => (bySize[size] ? of(bySize[size]) : '–'))]),
    ])
  return [
    rows("A change: CPU in the listener's process", ({ cpuUs }) => microseconds(cpuUs)),
    rows('A change: bytes to the listener', ({ bytes }) => bytes.toLocaleString('en')),
    rows('A change: CPU in etcd, the write included', ({ etcdCpuUs }) => microseconds(etcdCpuUs)),
    rows('From the start to the whole set', ({ listMs }) => `${listMs.toLocaleString('en')} ms`),
  ]
}

function latencyTable(results: LatencyResults): string {
  const rows = Object.entries(results).map(([name, { p50, p99 }]) => [name, `${p50} ms`, `${p99} ms`])
  return align([['Put → listener', 'p50', 'p99'], ...rows])
}

/** The targets, for people. */
export function targetTable(targets: readonly Target[]): string {
  return align([
    ['', 'what', 'target', 'measured'],
    ...targets.map(({ what, target, measured, reached }) => [
      reached === undefined ? '–' : reached ? '✓' : '✗',
      what,
      target,
      measured?.toLocaleString('en') ?? 'not measured',
    ]),
  ])
}

function microseconds(us: number): string {
  return us < 10_000 ? `${us.toLocaleString('en')} µs` : `${(us / 1000).toLocaleString('en', { maximumFractionDigits: 1 })} ms`
}

function align(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)))
  const line = (row: readonly string[]): string => row.map((text, column) => text.padEnd(widths[column] ?? 0)).join('   ')
  return rows.map((row) => line(row).trimEnd()).join('\n')
}
