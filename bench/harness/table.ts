import type { Figures } from './figures.ts'

/** Figures by level of concurrency, for people; each peer also as the first one's multiple of its calls per second. */
export function table(results: ReadonlyMap<string, ReadonlyMap<number, Figures>>, levels: readonly number[]): string {
  const [[first, base] = ['', undefined]] = results
  const head = ['', ...levels.map((level) => `${level} in flight`)]
  const rows = [...results].map(([name, byLevel]) => [name, ...levels.map((level) => cell(byLevel.get(level)))])
  const ratios = [...results]
    .filter(([name]) => name !== first)
    .map(([name, byLevel]) => [`${first} / ${name}`, ...levels.map((level) => ratio(base?.get(level), byLevel.get(level)))])
  return align([head, ...rows, ...ratios])
}

/** Microseconds of processor time per call, client / server. */
export function cpuTable(results: ReadonlyMap<string, ReadonlyMap<number, Figures>>, levels: readonly number[]): string {
  const head = ['CPU µs per call, client / server', ...levels.map((level) => `${level} in flight`)]
  return align([head, ...[...results].map(([name, byLevel]) => [name, ...levels.map((level) => cpuCell(byLevel.get(level)))])])
}

function cpuCell(figures: Figures | undefined): string {
  const { clientCpuUs, serverCpuUs } = figures ?? {}
  return clientCpuUs === undefined || serverCpuUs === undefined ? '–' : `${clientCpuUs.toFixed(1)} / ${serverCpuUs.toFixed(1)}`
}

function cell(figures: Figures | undefined): string {
  if (figures === undefined) return '–'
  const { rps, p50us, p99us } = figures
  return `${(rps / 1000).toFixed(1)}k/s (${time(p50us)} / ${time(p99us)})`
}

function time(us: number): string {
  return us < 1000 ? `${us} µs` : `${(us / 1000).toFixed(us < 10_000 ? 2 : 1)} ms`
}

function ratio(a: Figures | undefined, b: Figures | undefined): string {
  return a === undefined || b === undefined ? '–' : `× ${(a.rps / b.rps).toFixed(1)}`
}

function align(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)))
  return rows
    .map((row) =>
      row
        .map((text, column) => text.padEnd(widths[column] ?? 0))
        .join('   ')
        .trimEnd(),
    )
    .join('\n')
}
