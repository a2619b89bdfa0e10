import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { makeCertificates } from '../test/support/certificates.ts'
import type { Results } from './harness/figures.ts'
import { close, measure, open, type Pair, type Pairing } from './harness/pair.ts'
import { goPeers, nodePeers, peerOf } from './harness/peers.ts'
import type { Load, TlsFiles } from './harness/setup.ts'
import { type MemoryFindings, measureMemory } from './memory.ts'

/** What has been measured, by part. */
export interface Findings {
  readonly unary?: Results
  readonly cross?: Results
  readonly connections?: Results
  readonly serverStream?: Results
  readonly bidi?: Results
  readonly sizes?: Results
  readonly tls?: Results
  readonly mixed?: Results
  readonly memory?: MemoryFindings
}

/** How much to measure. */
export interface Extent {
  readonly rounds: number
  /** How long a round of a load takes; the later parts take half of it. */
  readonly ms: number
  /** Only these. */
  readonly peers?: readonly string[] | undefined
  readonly note: (text: string) => void
}

/** Measures one thing. */
export type Part = (extent: Extent) => Promise<Findings>

/** The stacks that do more than small unary calls. */
const main = ['beckon', 'grpc-js', 'connect', 'grpc-go']
const onEncryption = [...main, 'bare-http2', 'nest-tcp', 'undici-http1', 'go-kit']
const onConnections = ['beckon', 'bare-http2', 'bare-socket', 'connect', 'grpc-js', 'nest-tcp', 'undici-http1', 'grpc-go']
/** V8 collects all of a small heap for every few large messages (docs/performance.md). */
const onLargeHeaps = ['beckon --initial-heap-size=128', 'grpc-js --initial-heap-size=128']
const crossed = ['beckon → grpc-go', 'grpc-go → beckon', 'grpc-go → grpc-go']
const withMemory = ['beckon', 'grpc-js', 'grpc-go', 'idle-socket']
const inFlight = [1, 64, 256]

/** Every part by the name that `--only` takes, in their order. */
export const parts: Readonly<Record<string, Part>> = {
  unary: async (extent) => {
    const names = [...nodePeers.filter((name) => name !== 'idle-socket'), ...goPeers]
    return { unary: await alone(extent, names, {}, [1, 16, 64, 256], (level) => ({ ...hellos(extent, level), ms: extent.ms })) }
  },
  cross: async (extent) => ({ cross: await alone(extent, crossed, {}, inFlight, (level) => hellos(extent, level)) }),
  connections: async (extent) => ({
    connections: await alone(extent, onConnections, { connections: 256 }, [256], (level) => hellos(extent, level)),
  }),
  streams: async (extent) => {
    const pairs = await mainPairs(extent)
    const streams = (kind: 'expand' | 'chat') => run(extent, pairs, [1, 16], (level) => ({ kind, inFlight: level, ms: half(extent) }))
    return { serverStream: await streams('expand'), bidi: await streams('chat') }
  },
  sizes: async (extent) => {
    const sizes = [100, 1000, 10_000, 100_000, 1_000_000]
    const echoes = (bytes: number): Load => ({ kind: 'echo', inFlight: 16, bytes, ms: half(extent) })
    return { sizes: await run(extent, await mainPairs(extent), sizes, echoes) }
  },
  tls: (extent) =>
    withCertificates(async (tls) => ({ tls: await alone(extent, onEncryption, { tls }, inFlight, (level) => hellos(extent, level)) })),
  mixed: async (extent) => {
    const beside = (streams: number): Load => ({ kind: 'mixed', inFlight: streams, bytes: 1_000_000, ms: half(extent) })
    const more = await open(pairings(extent, onLargeHeaps), extent.note)
    const mixed = await run(extent, [...(await mainPairs(extent)), ...more], [0, 2], beside)
    close(more)
    return { mixed }
  },
  memory: async (extent) => {
    const [connections, calls] = extent.ms >= 500 ? [4000, 5000] : [200, 500]
    return { memory: await measureMemory(pairings(extent, withMemory), connections, calls, extent.note) }
  },
}

function hellos(extent: Extent, level: number): Load {
  return { kind: 'hello', inFlight: level, ms: half(extent) }
}

function half({ ms }: Extent): number {
  return Math.ceil(ms / 2)
}

/** Those that were asked for. */
function pairings({ peers }: Extent, names: readonly string[], more: Omit<Pairing, 'name'> = {}): readonly Pairing[] {
  const asked = names.filter((name) => peers === undefined || name.split(' → ').every((one) => peers.includes(peerOf(one))))
  return asked.map((name) => ({ name, ...more }))
}

let kept: Promise<readonly Pair[]> | undefined

/** The main stacks, which several parts share until the end. */
function mainPairs(extent: Extent): Promise<readonly Pair[]> {
  kept ??= open(pairings(extent, main), extent.note)
  return kept
}

/** Measures pairs that are started for it and ended after it. */
async function alone(
  extent: Extent,
  names: readonly string[],
  more: Omit<Pairing, 'name'>,
  levels: readonly number[],
  load: (level: number) => Load,
): Promise<Results> {
  const pairs = await open(pairings(extent, names, more), extent.note)
  const results = await run(extent, pairs, levels, load)
  close(pairs)
  return results
}

/** Measures every level in turns; warming up takes as long as a round of all levels. */
function run(
  { rounds, ms, note }: Extent,
  pairs: readonly Pair[],
  levels: readonly number[],
  load: (level: number) => Load,
): Promise<Results> {
  const loads = new Map(levels.map((level) => [level, load(level)]))
  return measure(pairs, loads, { rounds, warmUp: Math.ceil(ms / levels.length), note })
}

async function withCertificates<T>(use: (files: TlsFiles) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'beckon-bench-'))
  try {
    return await use(makeCertificates(folder).files)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
