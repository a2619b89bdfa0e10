import type { Logger } from '../../logger.ts'
import type { Source } from './source.ts'

/** How far what an etcd registry tells its listeners can be trusted. */
export interface EtcdRegistryState {
  /**
   * `idle`: nothing is watched, or nothing has been read yet. `connected`: every set is as in etcd, within a round trip.
   * `stale`: etcd cannot be heard; the sets are what they were.
   */
  readonly status: 'idle' | 'connected' | 'stale'
  /** Since when sets may be stale, as `Date.now()`; with a snapshot, since when it was written. */
  readonly staleSince?: number
  /** Why they may be. */
  readonly cause?: Error
  /** The last revision of etcd that all sets are certainly as of. */
  readonly revision?: number
}

/** Tells the state of all sources as one. */
export interface Freshness {
  readonly state: EtcdRegistryState
  /** To be called when the trouble of a source has come or gone, or a source itself. */
  review(): void
  onState(listener: (state: EtcdRegistryState) => void): () => void
}

/** One log line for every time that all is well no longer, or again. */
export function createFreshness(name: string, sources: () => Iterable<Source>, logger: Logger): Freshness {
  const listeners = new Set<(state: EtcdRegistryState) => void>()
  let status: EtcdRegistryState['status'] = 'idle'
  let brokeAt = 0

  /** Without more than that: with thousands of services it is asked thousands of times when they are read. */
  function current(): EtcdRegistryState['status'] {
    let known = false
    for (const { trouble, records } of sources()) {
      if (trouble !== undefined) return 'stale'
      known ||= records !== undefined
    }
    return known ? 'connected' : 'idle'
  }

  function read(): EtcdRegistryState {
    const all = [...sources()]
    const known = all.flatMap(({ revision }) => (revision === undefined ? [] : [revision]))
    const revision = known.length < all.length || known.length === 0 ? {} : { revision: Math.min(...known) }
    const troubled = all.filter(({ trouble }) => trouble !== undefined)
    if (troubled.length === 0) return { status: current(), ...revision }
    const staleSince = Math.min(...troubled.map((source) => source.staleSince ?? Date.now()))
    const cause = troubled[0]?.trouble
    return { status: 'stale', staleSince, ...(cause && { cause }), ...revision }
  }

  function log({ cause }: EtcdRegistryState, before: EtcdRegistryState['status']): void {
    const known = [...sources()].some(({ records }) => records !== undefined)
    if (status === 'stale') {
      brokeAt = performance.now()
      // Where nothing has been told yet, nobody relies on it; calls and `register()` say what is wrong.
      if (known) logger.warn({ err: cause }, `what ${name} has told may be stale from now on: ${cause?.message}`)
      else logger.info({ err: cause }, `${name} cannot be asked yet: ${cause?.message}`)
    } else if (before === 'stale' && status === 'connected') {
      const ms = Math.round(performance.now() - brokeAt)
      logger.info({ ms }, `what ${name} has told is right again after ${ms} ms`)
    }
  }

  return {
    get state() {
      return read()
    },
    review() {
      const before = status
      status = current()
      if (status === before) return
      const state = read()
      log(state, before)
      for (const listener of [...listeners]) {
        try {
          listener(state)
        } catch (error) {
          logger.error({ err: error }, `a listener to the state of ${name} threw`)
        }
      }
    },
    onState(listener) {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
  }
}
