import type { ChangeFigures, ChangeResults } from './change.ts'

const height = 300
const panel = { width: 380, left: 64, right: 20, top: 50, bottom: 44 }
const colours: Readonly<Record<string, string>> = {
  beckon: '#2f81f7',
  'go-kit': '#d29922',
  bareWatch: '#8b949e',
  etcd3: '#a371f7',
  moleculer: '#f85149',
}

/** What a change costs over the number of instances, processor time and bytes side by side, on logarithmic axes. Readable on light and dark pages. */
export function chart(change: ChangeResults): string {
  const cpu = plot(
    change,
    'CPU of a change in the listening process',
    ({ cpuUs }) => cpuUs,
    (us) => (us < 1000 ? `${us} µs` : us < 1e6 ? `${us / 1000} ms` : `${us / 1e6} s`),
  )
  const bytes = plot(
    change,
    'Bytes received for a change',
    ({ bytes }) => bytes,
    (count) => (count < 1000 ? `${count} B` : count < 1e6 ? `${count / 1000} KB` : `${count / 1e6} MB`),
  )
  const width = 2 * panel.width + panel.right
  const legend = Object.keys(change).map((name, i) => {
    const x = panel.left + i * 110
    return `<rect x="${x}" y="${height - 4}" width="14" height="4" fill="${colours[name] ?? '#8b949e'}"/><text x="${x + 20}" y="${height + 2}">${name}</text>`
  })
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height + 14}" width="${width}" height="${height + 14}" role="img" aria-label="What a change costs a listener, by number of instances">
<style>text { font: 12px system-ui, sans-serif; fill: #57606a } @media (prefers-color-scheme: dark) { text { fill: #c9d1d9 } }</style>
${cpu}
<g transform="translate(${panel.width} 0)">
${bytes}
</g>
${legend.join('\n')}
</svg>
`
}

function plot(change: ChangeResults, title: string, of: (figures: ChangeFigures) => number, unit: (value: number) => string): string {
  const { width, left, right, top, bottom } = panel
  const points = Object.entries(change).map(([name, bySize]) => ({
    name,
    at: Object.entries(bySize).map(([size, figures]) => [Math.log10(Number(size)), Math.log10(Math.max(1, of(figures)))] as const),
  }))
  const all = points.flatMap(({ at }) => at)
  const [x0, x1] = [Math.min(...all.map(([x]) => x)), Math.max(...all.map(([x]) => x), 2)]
  const [y0, y1] = [Math.floor(Math.min(...all.map(([, y]) => y))), Math.ceil(Math.max(...all.map(([, y]) => y)))]
  const x = (value: number): number => left + ((value - x0) / (x1 - x0)) * (width - left - right)
  const y = (value: number): number => height - bottom - ((value - y0) / (y1 - y0)) * (height - top - bottom)
  const grid = range(y0, y1).map(
    (power) =>
      `<line x1="${left}" x2="${width - right}" y1="${y(power)}" y2="${y(power)}" stroke="#8b949e" stroke-opacity="0.25"/><text x="${left - 6}" y="${y(power) + 4}" text-anchor="end">${unit(10 ** power)}</text>`,
  )
  const sizes = [...new Set(all.map(([size]) => size))].map(
    (size) => `<text x="${x(size)}" y="${height - bottom + 18}" text-anchor="middle">${Math.round(10 ** size).toLocaleString('en')}</text>`,
  )
  const lines = points.map(({ name, at }) => {
    const colour = colours[name] ?? '#8b949e'
    const path = at.map(([size, value]) => `${x(size).toFixed(1)},${y(value).toFixed(1)}`)
    const dots = path.map((point) => `<circle cx="${point.split(',')[0]}" cy="${point.split(',')[1]}" r="3" fill="${colour}"/>`)
    return `<polyline points="${path.join(' ')}" fill="none" stroke="${colour}" stroke-width="${name === 'beckon' ? 3 : 1.5}"/>${dots.join('')}`
  })
  return [`<text x="${left}" y="24" font-weight="bold">${title}</text>`, ...grid, ...sizes, ...lines].join('\n')
}

function range(from: number, to: number): readonly number[] {
  return Array.from({ length: to - from + 1 }, (_, i) => from + i)
}
