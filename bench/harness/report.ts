import type { MemoryFindings } from '../memory.ts'
import type { Findings } from '../parts.ts'
import type { Figures, Results } from './figures.ts'
import { align, type Cell, calls, cpu, megabytes, messages, ratios, stalls, table } from './table.ts'

/** Parts with figures by peer and level. */
type Timed = Exclude<keyof Findings, 'memory'>

interface Layout {
  readonly title: string
  readonly unit: string
  readonly cell: Cell
  /** Whether processor time is told, and how often others' rate the first one makes. */
  readonly more: boolean
}

const layouts: Readonly<Record<Timed, Layout>> = {
  unary: { title: 'Unary', unit: 'in flight', cell: calls, more: true },
  cross: { title: 'Client → server', unit: 'in flight', cell: calls, more: false },
  connections: { title: 'A call in flight on each', unit: 'connections', cell: calls, more: true },
  serverStream: { title: 'Server stream', unit: 'streams', cell: messages, more: true },
  bidi: { title: 'Both ways', unit: 'streams', cell: messages, more: true },
  sizes: { title: '16 calls in flight', unit: 'bytes', cell: megabytes, more: true },
  tls: { title: 'Unary, TLS', unit: 'in flight', cell: calls, more: true },
  mixed: { title: 'Calls beside 1 MB messages', unit: 'streams', cell: stalls, more: false },
}

/** All tables. */
export function toText(findings: Findings): string {
  const timed = each(findings, (name, results) => {
    const { title, unit, cell, more } = layouts[name]
    const further = [table(results, `${title}: CPU µs, client / server`, cpu, unit), ratios(results, unit)]
    return [table(results, title, cell, unit), ...(more ? further : [])].join('\n\n')
  })
  return [...timed, ...(findings.memory === undefined ? [] : [memoryTable(findings.memory)])].join('\n\n\n')
}

function memoryTable({ idleConnection, callInFlight }: MemoryFindings): string {
  const kilobytes = (bytes: number | undefined): string => (bytes === undefined ? '–' : (bytes / 1024).toFixed(1))
  const rows = Object.entries(idleConnection).map(([name, idle]) => {
    const { client, server } = callInFlight[name] ?? {}
    return [name, ...[idle, client, server].map((memory) => `${kilobytes(memory?.heap)} / ${kilobytes(memory?.rss)}`)]
  })
  return align([['KB on the heap / resident', 'idle connection, server', 'call in flight, client', 'call in flight, server'], ...rows])
}

/** All figures, by part, peer and level. */
export function toJson(findings: Findings): Readonly<Record<string, unknown>> {
  const entries = each(findings, (name, results) => {
    const peers = [...results].map(([peer, byLevel]) => [
      peer,
      Object.fromEntries([...byLevel].map(([level, figures]) => [level, told(figures)])),
    ])
    return [name, Object.fromEntries(peers)] as const
  })
  return { ...Object.fromEntries(entries), ...(findings.memory && { memory: findings.memory }) }
}

/** Messages of streams are counted, not timed. */
function told(figures: Figures): Partial<Figures> {
  const { p50us: _, p99us: __, maxUs, ...counted } = figures
  return maxUs === 0 ? counted : figures
}

function each<T>(findings: Findings, tell: (name: Timed, results: Results) => T): readonly T[] {
  return (Object.keys(layouts) as Timed[]).flatMap((name) => {
    const results = findings[name]
    return results === undefined ? [] : [tell(name, results)]
  })
}
