import { align } from '../harness/table.ts'
import type { ChangeFigures, ChangeResults } from './change.ts'
import type { DiscoveryResults } from './discovery.ts'
import type { HerdFigures, HerdResults } from './herd.ts'
import type { LatencyResults } from './latency.ts'
import type { ListFigures } from './list.ts'
import type { RegisteringFigures } from './registering.ts'
import type { Results } from './results.ts'

/** All tables. */
export function toText({ change, putToListenerMs, list, registering, discovery, herd }: Results): string {
  return [
    ...(change ? changeTables(change) : []),
    ...(putToListenerMs ? [latencyTable(putToListenerMs)] : []),
    ...(list ? [listTable(list)] : []),
    ...(registering ? [registeringTable(registering)] : []),
    ...(discovery ? [discoveryTable(discovery)] : []),
    ...(herd ? [herdTable(herd)] : []),
  ].join('\n\n')
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
    rows("The listener's first changes: the same", ({ firstCpuUs }) => microseconds(firstCpuUs)),
    rows('A change: bytes to the listener', ({ bytes }) => bytes.toLocaleString('en')),
    rows('A change: CPU in etcd, the write included', ({ etcdCpuUs }) => microseconds(etcdCpuUs)),
    rows('From the start to the whole set', ({ listMs }) => `${listMs.toLocaleString('en')} ms`),
  ]
}

function latencyTable(results: LatencyResults): string {
  const rows = Object.entries(results).map(([name, { p50, p99 }]) => [name, `${p50} ms`, `${p99} ms`])
  return align([['Put → listener', 'p50', 'p99'], ...rows])
}

function listTable({ instances, recordBytes, ms, pages, bytesPerInstance }: ListFigures): string {
  return align([
    [`${count(instances)} instances listed`, `records of ${recordBytes} bytes`],
    ['time', `${count(ms)} ms`],
    ['pages', count(pages)],
    ['bytes held per instance', count(bytesPerInstance)],
  ])
}

function registeringTable(figures: RegisteringFigures): string {
  return align([
    [`${count(figures.instances)} instances of one process registered`, ''],
    ['time', `${count(figures.ms)} ms`],
    ['requests to etcd for it', count(figures.requests)],
    ['leases', count(figures.leases)],
    ['requests to etcd per second, at rest', count(figures.requestsPerSecondAtRest)],
    ['keep-alives per lease and third of its TTL', count(figures.keepAlivesPerLease)],
    ['CPU in etcd per second, at rest', `${figures.etcdCpuMsPerSecondAtRest} ms`],
    ['time until all are back, their lease revoked', `${count(figures.healMs)} ms`],
    ['requests to etcd for it', count(figures.healRequests)],
    ['time to take them all back', `${count(figures.closeMs)} ms`],
  ])
}

function discoveryTable(results: DiscoveryResults): string {
  const rows = Object.entries(results).map(([name, { p50, p99, samples, failedCalls }]) => [
    name,
    `${count(p50)} ms`,
    `${count(p99)} ms`,
    count(samples),
    count(failedCalls),
  ])
  return align([['Registered → first call served', 'p50', 'p99', 'samples', 'failed calls meanwhile'], ...rows])
}

function herdTable(results: HerdResults): string {
  const row = (figures: HerdFigures): readonly string[] => {
    const { clients, awayMs, jitter, peakPerSecond, requests, current, registered, currentMs } = figures
    return [
      `away for ${awayMs / 1000} s, ${jitter ? 'with jitter' : 'without'}`,
      `${count(peakPerSecond)} requests/s`,
      count(requests),
      current === clients ? `${count(currentMs)} ms` : `${count(current)} within a minute`,
      count(registered),
    ]
  }
  const [{ clients } = { clients: 0 }] = results
  const rows = [...results].sort((a, b) => a.awayMs - b.awayMs).map(row)
  return align([
    [`${count(clients)} clients after etcd's restart`, 'peak', 'requests in all', 'until all are current', 'registered'],
    ...rows,
  ])
}

function count(value: number): string {
  return value.toLocaleString('en')
}

function microseconds(us: number): string {
  return us < 10_000 ? `${us.toLocaleString('en')} µs` : `${(us / 1000).toLocaleString('en', { maximumFractionDigits: 1 })} ms`
}
