import type { Target } from '../harness/targets.ts'
import type { ChangeResults } from './change.ts'
import type { LatencyResults } from './latency.ts'
import { rounded } from './numbers.ts'
import type { Results } from './results.ts'

/** The targets of the parts that were run. */
export function targetsOf({ change, putToListenerMs, list, registering }: Results): readonly Target[] {
  return [
    ...(change ? ofChange(change) : []),
    ...(putToListenerMs ? ofLatency(putToListenerMs) : []),
    ...(list ? [judge('bytes held per instance listed', '≤', 1024, list.bytesPerInstance)] : []),
    ...(registering ? [judge('keep-alives per lease and third of its TTL', '≤', 1, registering.keepAlivesPerLease)] : []),
  ]
}

function ofChange(change: ChangeResults): readonly Target[] {
  const less = (peer: string, of: 'cpuUs' | 'bytes', size: number, times: number): Target => {
    const what = `${of === 'cpuUs' ? 'CPU' : 'bytes'} of a change at ${size.toLocaleString('en')} instances, ${peer}'s / beckon's`
    return judge(what, '≥', times, over(change[peer]?.[size]?.[of], change.beckon?.[size]?.[of]))
  }
  return [
    less('go-kit', 'cpuUs', 10_000, 50),
    less('go-kit', 'bytes', 10_000, 1000),
    less('etcd3', 'cpuUs', 10_000, 5),
    less('go-kit', 'cpuUs', 100_000, 300),
  ]
}

function ofLatency({ beckon, bareWatch }: LatencyResults): readonly Target[] {
  return (['p50', 'p99'] as const).map((of) =>
    judge(`put → listener, ${of}, × a bare watch in Go`, '≤', 1.2, over(beckon?.[of], bareWatch?.[of])),
  )
}

function judge(what: string, sign: '≤' | '≥', target: number, measured: number | undefined): Target {
  const told = { what, target: `${sign} ${target.toLocaleString('en')}` }
  if (measured === undefined) return told
  return { ...told, measured: rounded(measured), reached: sign === '≤' ? measured <= target : measured >= target }
}

function over(a: number | undefined, b: number | undefined): number | undefined {
  return a === undefined || b === undefined ? undefined : a / b
}
