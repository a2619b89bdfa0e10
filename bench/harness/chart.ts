import type { Figures } from './figures.ts'

const rowHeight = 26
const left = 150
const width = 760

/**
 * Calls per second of processor time, of both sides together, at one level: unlike calls per second they hardly change with what else the
 * machine does. Bars, the most first; the first peer's stands out. Readable on light and dark pages.
 */
export function chart(results: ReadonlyMap<string, ReadonlyMap<number, Figures>>, level: number): string {
  const [own] = results.keys()
  const rows = [...results].map(([name, byLevel]) => ({ name, rps: perCpu(byLevel.get(level)) })).sort((a, b) => b.rps - a.rps)
  const most = Math.max(...rows.map(({ rps }) => rps), 1)
  const bars = rows.map(({ name, rps }, i) => {
    const y = 44 + i * rowHeight
    const length = Math.max(1, Math.round((rps / most) * (width - left - 90)))
    const weight = name === own ? ' font-weight="bold"' : ''
    return [
      `<text x="${left - 8}" y="${y + 14}" text-anchor="end"${weight}>${name}</text>`,
      `<rect x="${left}" y="${y}" width="${length}" height="18" rx="3" fill="${name === own ? '#2f81f7' : '#8b949e'}"/>`,
      `<text x="${left + length + 8}" y="${y + 14}"${weight}>${(rps / 1000).toFixed(1)}k</text>`,
    ].join('\n')
  })
  const height = 52 + rows.length * rowHeight
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="Calls per second of processor time, ${level} in flight">
<style>text { font: 13px system-ui, sans-serif; fill: #57606a } @media (prefers-color-scheme: dark) { text { fill: #c9d1d9 } }</style>
<text x="${left}" y="24" font-weight="bold">Unary calls per second of CPU time, client and server together, ${level} in flight</text>
${bars.join('\n')}
</svg>
`
}

function perCpu(figures: Figures | undefined): number {
  const { clientCpuUs, serverCpuUs } = figures ?? {}
  return clientCpuUs === undefined || serverCpuUs === undefined ? 0 : 1e6 / Math.max(clientCpuUs + serverCpuUs, 0.01)
}
