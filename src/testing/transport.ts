import type { Transport } from '../transport.ts'
import { bounded, type Case } from './case.ts'
import { between } from './transport-bench.ts'
import { callCases } from './transport-calls.ts'
import { endingCases, sizeCases } from './transport-endings.ts'
import { pressureCases } from './transport-pressure.ts'
import { streamCases } from './transport-streams.ts'
import { timeCases } from './transport-time.ts'

/** What {@link transportSuite} tests. */
export interface TransportSuiteOptions {
  /** Makes a transport for both sides of one case; it must speak JSON and take addresses of `127.0.0.1`. */
  create(): Transport
  /** Bytes of the largest message that the transport takes. Default 4 MiB. */
  readonly limit?: number | undefined
}

/** What every transport has to keep to: four kinds of call, metadata, errors, deadlines, cancellation, back-pressure, limits, endings. */
export function transportSuite({ create, limit = 4_194_304 }: TransportSuiteOptions): readonly Case[] {
  const run = between(create)
  return [
    ...callCases(run),
    ...timeCases(run),
    ...streamCases(run),
    ...pressureCases(run),
    ...sizeCases(run, limit),
    ...endingCases(run, create),
  ].map((one) => bounded(one))
}
