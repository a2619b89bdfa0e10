import type { MemoryFindings } from '../memory.ts'
import type { Findings } from '../parts.ts'
import type { Figures, Results } from './figures.ts'
import { goPeers, yardsticks } from './peers.ts'
import { align } from './table.ts'

/** Something to reach, and how far it was reached. */
export interface Target {
  readonly what: string
  /** `≥` or `≤` a number. */
  readonly target: string
  /** Not there where a peer that it takes was not. */
  readonly measured?: number
  readonly reached?: boolean
  /** How many times beckon's processor time per call, of both sides, the other takes: what to go by on a busy machine. */
  readonly cpu?: number
}

type Sign = '≤' | '≥'
type Of = (figures: Figures) => number

const rate: Of = ({ rps }) => rps
const p50: Of = ({ p50us }) => p50us

/** Everything that beckon is meant to reach, as the findings have it. Parts that were not run are left out. */
export function targets(findings: Findings): readonly Target[] {
  const { unary, cross, connections, serverStream, bidi, sizes, tls, mixed, memory } = findings
  return [
    ...(unary ? [...calls(unary, ''), ...engine(unary)] : []),
    ...(connections ? manyConnections(connections) : []),
    ...(cross ? withGo(cross) : []),
    ...(serverStream ? streams(serverStream, 'messages/s of a server stream') : []),
    ...(bidi ? streams(bidi, 'messages/s both ways') : []),
    ...(sizes ? [compare(sizes, 1_000_000, rate, '≥', 2, '1 MB messages, MB/s', 'grpc-js')] : []),
    ...(tls ? calls(tls, 'TLS, ') : []),
    ...(mixed ? stalls(mixed) : []),
    ...(memory ? idle(memory) : []),
  ]
}

/** The targets, for people. */
export function targetTable(all: readonly Target[]): string {
  const rows = all.map(({ what, target, measured, reached, cpu }) => [
    reached === undefined ? '–' : reached ? '✓' : '✗',
    what,
    target,
    measured === undefined ? 'not measured' : String(measured),
    cpu === undefined ? '' : `× ${cpu}`,
  ])
  const others = all.some(({ cpu }) => cpu !== undefined) ? "the other's CPU time" : ''
  return align([['', 'what', 'target', 'measured', others], ...rows])
}

const levels = [
  { level: 1, of: p50, what: 'p50', sign: '≤', js: 0.3, node: 0.8, go: 0.6 },
  { level: 64, of: rate, what: 'calls/s', sign: '≥', js: 25, node: 2.5, go: 3.5 },
  { level: 256, of: rate, what: 'calls/s', sign: '≥', js: 45, node: 4, go: 5.5 },
] as const

function calls(results: Results, prefix: string): readonly Target[] {
  return levels.flatMap(({ level, of, what, sign, js, node, go }) => {
    const title = `${prefix}${level} in flight, ${what}`
    return [
      compare(results, level, of, sign, js, title, 'grpc-js'),
      compare(results, level, of, sign, node, title, fastest(results, level, of, sign), ', the fastest on Node'),
      compare(results, level, of, sign, go, title, 'go-kit'),
    ]
  })
}

function engine(results: Results): readonly Target[] {
  return [64, 256].map((level) => compare(results, level, rate, '≥', 0.5, `${level} in flight, calls/s`, 'beckon-engine'))
}

function manyConnections(results: Results): readonly Target[] {
  const title = '256 connections, calls/s'
  return [
    compare(results, 256, rate, '≥', 8, title, 'grpc-js'),
    compare(results, 256, rate, '≥', 2, title, fastest(results, 256, rate, '≥'), ', the fastest on Node'),
    compare(results, 256, rate, '≥', 1.5, title, 'grpc-go'),
  ]
}

function withGo(results: Results): readonly Target[] {
  const pairs = ['beckon → grpc-go', 'grpc-go → beckon']
  return levels.flatMap(({ level, of, what, sign }) =>
    pairs.map((own) => compare(results, level, of, sign, 1, `${own}, ${level} in flight, ${what}`, 'grpc-go → grpc-go', '', own)),
  )
}

function streams(results: Results, what: string): readonly Target[] {
  return [1, 16].map((level) => compare(results, level, rate, '≥', 10, `${what}, ${level} at a time`, 'grpc-js'))
}

function stalls(results: Results): readonly Target[] {
  const us = results.get('beckon')?.get(2)?.p99us
  return [judge('p99 of small calls beside 2 streams of 1 MB messages, ms', '≤', 5, us === undefined ? undefined : us / 1000)]
}

function idle({ idleConnection: { beckon, 'idle-socket': socket } }: MemoryFindings): readonly Target[] {
  const kilobytes = (kind: 'heap' | 'rss'): number | undefined => beckon && socket && (beckon[kind] - socket[kind]) / 1024
  return [
    judge("idle connection above the socket's own, KB on the heap", '≤', 16, kilobytes('heap')),
    judge("idle connection above the socket's own, KB resident", '≤', 16, kilobytes('rss')),
  ]
}

function compare(
  results: Results,
  level: number,
  of: Of,
  sign: Sign,
  target: number,
  what: string,
  than: string,
  note = '',
  own = 'beckon',
): Target {
  const [a, b] = [results.get(own)?.get(level), results.get(than)?.get(level)]
  if (a === undefined || b === undefined) return judge(`${what} × ${than}${note}`, sign, target, undefined)
  const cpu = Number((cpuOf(b) / Math.max(cpuOf(a), 0.01)).toPrecision(3))
  return { ...judge(`${what} × ${than}${note}`, sign, target, of(a) / of(b)), cpu }
}

function judge(what: string, sign: Sign, target: number, measured: number | undefined): Target {
  const told = { what, target: `${sign} ${target}` }
  if (measured === undefined) return told
  return { ...told, measured: Number(measured.toPrecision(3)), reached: sign === '≤' ? measured <= target : measured >= target }
}

function cpuOf({ clientCpuUs, serverCpuUs }: Figures): number {
  return clientCpuUs + serverCpuUs
}

/** The best of those that run on Node and that somebody would use instead. */
function fastest(results: Results, level: number, of: Of, sign: Sign): string {
  const value = (byLevel: ReadonlyMap<number, Figures>): number => {
    const figures = byLevel.get(level)
    return figures === undefined ? Number.NEGATIVE_INFINITY : sign === '≤' ? -of(figures) : of(figures)
  }
  const others = [...results].filter(([name]) => name !== 'beckon' && !goPeers.includes(name) && !yardsticks.includes(name))
  return others.sort(([, a], [, b]) => value(b) - value(a))[0]?.[0] ?? 'nobody'
}
