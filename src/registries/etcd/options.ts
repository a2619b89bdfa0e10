import { checkMade, checkNumber } from '../../check.ts'
import { type Clock, systemClock } from '../../clock.ts'
import { RpcError } from '../../error.ts'
import { type Logger, loggerOf } from '../../logger.ts'
import type { Layout } from './layout.ts'

/** How records are kept and read, whichever API of etcd they are written by. */
export interface RecordOptions {
  /** How long a record outlives its process, in milliseconds; whole seconds, at least 1000. etcd raises what is shorter than about 2 s. Default 10 000. */
  readonly ttl?: number | undefined
  /** Milliseconds between keep-alives, at least 100. Default a third of the TTL. As in go-kit, a TTL that is not longer becomes three times it. */
  readonly heartbeat?: number | undefined
  /** How instances are written. Every one is written and read; where two know the same address, the first counts. Default `[goMicro()]`. */
  readonly layouts?: readonly Layout[] | undefined
  /** How long a set is kept that collapsed during an outage of etcd, in milliseconds. Default twice the TTL. */
  readonly grace?: number | undefined
  /** Which share of a set may be missing after an interruption for it to be believed at once, 0 to 1; 1 believes everything. Default 0.5. */
  readonly shrink?: number | undefined
  /**
   * After an interruption every registry of the fleet is told what it has missed, and puts back what it has lost, at a random moment within half of so
   * many milliseconds after etcd answers (by the former API: at once); then it reads its sets once more, at a random moment within so many, or within one
   * per instance of the set where that is longer, up to 30 times. 0: at once. Default 1000.
   */
  readonly spread?: number | undefined
  /**
   * A file for the last sets that were known: a process that starts while etcd is out of reach begins with them. Its directory must exist. A file
   * for each process: of several that name one, each replaces the whole of it with what it knows, so that only the sets of the last are there.
   */
  readonly snapshot?: string | undefined
  /** What `register()` does while etcd cannot be reached: fails after `timeout`, or waits for as long as it takes. Default `fail`. */
  readonly unreachable?: 'fail' | 'wait' | undefined
}

/** {@link RecordOptions} and where time, chance and log lines come from, with nothing left open. */
export interface RecordSettings {
  readonly ttl: number
  readonly heartbeat: number
  readonly grace: number
  readonly shrink: number
  readonly spread: number
  readonly layouts: readonly Layout[]
  readonly snapshot: string | undefined
  readonly wait: boolean
  readonly clock: Clock
  readonly random: () => number
  readonly logger: Logger
}

/** Fills in the defaults. Throws `invalid_argument` naming the option, after `registry` (`etcd registry`). */
export function settings(
  registry: string,
  options: RecordOptions & { [Name in 'clock' | 'random' | 'logger']?: RecordSettings[Name] | undefined },
  defaultLayout: () => Layout,
): RecordSettings {
  const { layouts = [defaultLayout()], snapshot, clock = systemClock, random = Math.random } = options
  const given = checkNumber(`${registry}: ttl (ms)`, options.ttl ?? 10_000, { min: 1000 })
  if (given % 1000 !== 0) throw new RpcError('invalid_argument', `${registry}: ttl must be whole seconds, in milliseconds, got ${given}`)
  const heartbeat =
    options.heartbeat === undefined ? undefined : checkNumber(`${registry}: heartbeat (ms)`, options.heartbeat, { min: 100 })
  const ttl = heartbeat !== undefined && given <= heartbeat ? Math.ceil((3 * heartbeat) / 1000) * 1000 : given
  const grace = checkNumber(`${registry}: grace (ms)`, options.grace ?? 2 * ttl, { min: 0 })
  const shrink = checkNumber(`${registry}: shrink`, options.shrink ?? 0.5, { min: 0, max: 1 })
  const spread = checkNumber(`${registry}: spread (ms)`, options.spread ?? 1000, { min: 0 })
  if (!Array.isArray(layouts) || layouts.length === 0)
    throw new RpcError('invalid_argument', `${registry}: layouts must be a list, as [goMicro()]`)
  for (const layout of layouts) checkMade(`${registry}: layouts`, layout, 'decode', 'goMicro()')
  const wait = options.unreachable === 'wait'
  return {
    ttl,
    heartbeat: heartbeat ?? ttl / 3,
    grace,
    shrink,
    spread,
    layouts,
    snapshot,
    wait,
    clock,
    random,
    logger: loggerOf(options.logger),
  }
}
