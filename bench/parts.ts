import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { makeCertificates } from '../test/support/certificates.ts'
import type { Results } from './harness/figures.ts'
import { close, measure, open, type Pairing, round } from './harness/pair.ts'
import { goPeers, nodePeers } from './harness/peers.ts'
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

const main = ['beckon', 'grpc-js', 'connect', 'grpc-go']
const inFlight = [1, 64, 256]

/** Every part by the name that `--only` takes, in their order. */
export const parts: Readonly<Record<string, Part>> = {
  unary: async (extent) => ({
    unary: await run(extent, paired([...nodePeers.filter((name) => name !== 'idle-socket'), ...goPeers]), [1, 16, 64, 256], (level) => ({
      kind: 'hello',
      inFlight: level,
      ms: extent.ms,
    })),
  }),
  cross: async (extent) => ({
    cross: await run(extent, paired(['beckon → grpc-go', 'grpc-go → beckon', 'grpc-go → grpc-go']), inFlight, (level) => ({
      kind: 'hello',
      inFlight: level,
      ms: half(extent),
    })),
  }),
  connections: async (extent) => ({
    connections: await run(
      extent,
      paired(['beckon', 'bare-http2', 'bare-socket', 'connect', 'grpc-js', 'nest-tcp', 'undici-http1', 'grpc-go'], { connections: 256 }),
      [256],
      (level) => ({ kind: 'hello', inFlight: level, ms: half(extent) }),
    ),
  }),
  streams: async (extent) => ({
    serverStream: await run(extent, paired(main), [1, 16], (streams) => ({ kind: 'expand', inFlight: streams, ms: half(extent) })),
    bidi: await run(extent, paired(main), [1, 16], (streams) => ({ kind: 'chat', inFlight: streams, ms: half(extent) })),
  }),
  sizes: async (extent) => ({
    sizes: await run(extent, paired(main), [100, 1000, 10_000, 100_000, 1_000_000], (bytes) => ({
      kind: 'echo',
      inFlight: 16,
      bytes,
      ms: half(extent),
    })),
  }),
  tls: (extent) =>
    withCertificates(async (tls) => ({
      tls: await run(extent, paired([...main, 'go-kit'], { tls }), inFlight, (level) => ({
        kind: 'hello',
        inFlight: level,
        ms: half(extent),
      })),
    })),
  mixed: async (extent) => ({
    mixed: await run(extent, paired(main), [0, 2], (streams) => ({ kind: 'mixed', inFlight: streams, bytes: 1_000_000, ms: half(extent) })),
  }),
  memory: async ({ ms, peers, note }) => {
    const thorough = ms >= 500
    const pairings = asked(paired(['beckon', 'grpc-js', 'grpc-go', 'idle-socket']), peers)
    return { memory: await measureMemory(pairings, thorough ? 4000 : 200, thorough ? 5000 : 500, note) }
  },
}

function paired(names: readonly string[], more: Omit<Pairing, 'name'> = {}): readonly Pairing[] {
  return names.map((name) => ({ name, ...more }))
}

function half({ ms }: Extent): number {
  return Math.ceil(ms / 2)
}

function asked(pairings: readonly Pairing[], peers: readonly string[] | undefined): readonly Pairing[] {
  return pairings.filter(({ name }) => peers === undefined || name.split(' → ').every((one) => peers.includes(one)))
}

/** Starts pairs, warms them up, measures every level in turns, ends them. */
async function run(
  { rounds, ms, peers, note }: Extent,
  pairings: readonly Pairing[],
  levels: readonly number[],
  load: (level: number) => Load,
): Promise<Results> {
  const pairs = await open(asked(pairings, peers), note)
  for (const pair of pairs) for (const level of levels) await round(pair, { ...load(level), ms: Math.ceil(ms / levels.length) })
  const results = await measure(pairs, new Map(levels.map((level) => [level, load(level)])), rounds, note)
  close(pairs)
  return results
}

async function withCertificates<T>(use: (files: TlsFiles) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'beckon-bench-'))
  try {
    return await use(makeCertificates(folder).files)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
