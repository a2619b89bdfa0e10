import type { Figures, Results } from './figures.ts'

/** How one level's figures are told; `level` is what the figures are of: calls in flight, streams, bytes. */
export type Cell = (figures: Figures, level: number) => string

/** Calls per second, and the latency of half and of 99 in 100. */
export const calls: Cell = ({ rps, p50us, p99us }) => `${thousands(rps)}/s (${time(p50us)} / ${time(p99us)})`

/** Messages per second. */
export const messages: Cell = ({ rps }) => `${thousands(rps)}/s`

/** Megabytes per second each way, and calls per second. */
export const megabytes: Cell = ({ rps }, bytes) => `${((rps * bytes) / 1e6).toFixed(1)} MB/s (${thousands(rps)}/s)`

/** Latency of small calls: half, 99 in 100, the longest; and what was streamed beside them, each way. */
export const stalls: Cell = ({ p50us, p99us, maxUs, streamed = 0 }) =>
  `${time(p50us)} / ${time(p99us)} / ${time(maxUs)}, ${(streamed / 1e6).toFixed(0)} MB/s`

/** Processor time, client / server. */
export const cpu: Cell = ({ clientCpuUs, serverCpuUs }) => `${clientCpuUs.toFixed(1)} / ${serverCpuUs.toFixed(1)}`

/** Figures by level, for people; a row a peer. */
export function table(results: Results, title: string, cell: Cell, unit: string): string {
  const levels = levelsOf(results)
  const rows = [...results].map(([name, byLevel]) => [name, ...levels.map((level) => told(byLevel.get(level), level))])
  return align([[title, ...levels.map((level) => `${level.toLocaleString('en')} ${unit}`)], ...rows])

  function told(figures: Figures | undefined, level: number): string {
    return figures === undefined ? '–' : cell(figures, level)
  }
}

/** How many times every other's calls per second the first one makes. */
export function ratios(results: Results, unit: string): string {
  const levels = levelsOf(results)
  const [[first, base] = ['', undefined], ...others] = results
  const rows = others.map(([name, byLevel]) => [
    `${first} / ${name}`,
    ...levels.map((level) => ratio(base?.get(level), byLevel.get(level))),
  ])
  return align([['', ...levels.map((level) => `${level.toLocaleString('en')} ${unit}`)], ...rows])
}

/** Rows of cells in columns. */
export function align(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)))
  const line = (row: readonly string[]): string => row.map((text, column) => text.padEnd(widths[column] ?? 0)).join('   ')
  return rows.map((row) => line(row).trimEnd()).join('\n')
}

function levelsOf(results: Results): readonly number[] {
  return [...([...results.values()][0]?.keys() ?? [])]
}

function thousands(rate: number): string {
  return `${(rate / 1000).toFixed(rate < 100_000 ? 1 : 0)}k`
}

function time(us: number): string {
  return us < 1000 ? `${us} µs` : `${(us / 1000).toFixed(us < 10_000 ? 2 : 1)} ms`
}

function ratio(a: Figures | undefined, b: Figures | undefined): string {
  return a === undefined || b === undefined ? '–' : `× ${(a.rps / b.rps).toFixed(1)}`
}
