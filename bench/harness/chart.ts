import type { Figures, Results } from './figures.ts'
import { goPeers, yardsticks } from './peers.ts'

interface Panel {
  readonly title: string
  readonly level: number
  readonly of: (figures: Figures) => number
  readonly text: (value: number) => string
  /** Whether the smallest is the best. */
  readonly least: boolean
}

const panels: readonly Panel[] = [
  {
    title: 'Unary calls per second, 64 in flight',
    level: 64,
    of: ({ rps }) => rps,
    text: (rps) => `${(rps / 1000).toFixed(1)}k`,
    least: false,
  },
  {
    title: 'Latency of half of the calls, 1 in flight',
    level: 1,
    of: ({ p50us }) => p50us,
    text: (us) => `${us.toFixed(0)} µs`,
    least: true,
  },
]
const rowHeight = 24
const panelHead = 40
const left = 140
const width = 760

/** Bars of unary calls, panel below panel, the best first; beckon stands out, and so do stacks in Go and yardsticks. Readable on light and dark pages. */
export function chart(results: Results): string {
  let y = 0
  const drawn = panels.map((panel) => {
    const { svg, height } = draw(panel, results, y)
    y += height
    return svg
  })
  const legend = `blue: beckon, grey: others on Node, teal: Go; pale: yardsticks, not stacks to use`
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${y + 24}" width="${width}" height="${y + 24}" role="img" aria-label="${panels.map(({ title }) => title).join('; ')}">
<style>text { font: 13px system-ui, sans-serif; fill: #57606a } @media (prefers-color-scheme: dark) { text { fill: #c9d1d9 } }</style>
${drawn.join('\n')}
<text x="${left}" y="${y + 12}" font-style="italic">${legend}</text>
</svg>
`
}

function draw({ title, level, of, text, least }: Panel, results: Results, top: number): { svg: string; height: number } {
  const rows = [...results].flatMap(([name, byLevel]) => {
    const figures = byLevel.get(level)
    return figures === undefined ? [] : [{ name, value: of(figures) }]
  })
  rows.sort((a, b) => (least ? a.value - b.value : b.value - a.value))
  const most = Math.max(...rows.map(({ value }) => value), 1)
  const bars = rows.map(({ name, value }, i) => {
    const y = top + panelHead + i * rowHeight
    const length = Math.max(1, Math.round((value / most) * (width - left - 90)))
    const weight = name === 'beckon' ? ' font-weight="bold"' : ''
    return [
      `<text x="${left - 8}" y="${y + 13}" text-anchor="end"${weight}>${name}</text>`,
      `<rect x="${left}" y="${y}" width="${length}" height="17" rx="3" fill="${colour(name)}"${yardsticks.includes(name) ? ' opacity="0.45"' : ''}/>`,
      `<text x="${left + length + 8}" y="${y + 13}"${weight}>${text(value)}</text>`,
    ].join('\n')
  })
  const head = `<text x="${left}" y="${top + 26}" font-weight="bold">${title}</text>`
  return { svg: [head, ...bars].join('\n'), height: panelHead + rows.length * rowHeight + 12 }
}

function colour(name: string): string {
  if (name === 'beckon' || name === 'beckon-engine') return '#2f81f7'
  return goPeers.includes(name) ? '#1b9e9e' : '#8b949e'
}
