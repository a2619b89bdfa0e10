import type { Clock } from '../../clock.ts'
import { RpcError } from '../../error.ts'
import type { Watch, WatchEvent } from '../../etcd/index.ts'
import type { Logger } from '../../logger.ts'
import type { Instance } from '../../registry.ts'
import type { Layout } from './layout.ts'
import { createRecordReader, type Entry } from './records.ts'
import { createRetry } from './retry.ts'
import type { Remembered } from './snapshot.ts'
import type { Store } from './store.ts'

/** The records of one service in one layout, kept up to date by one watch. */
export interface Source {
  /** By key; undefined until they have been listed. */
  readonly records: ReadonlyMap<string, Entry> | undefined
  /** Why the records may be stale, if they may be. */
  readonly trouble: RpcError | undefined
  /** Since when, as `Date.now()`. */
  readonly staleSince: number | undefined
  /** etcd's revision that the records are certainly as of. */
  readonly revision: number | undefined
  stop(): void
}

/** What a {@link Source} needs. */
export interface SourceOptions {
  readonly client: Store
  readonly layout: Layout
  readonly service: string
  /** How long records that vanished in a collapse of the set are kept, in milliseconds. */
  readonly grace: number
  /** Up to which share of the set may be missing at a reading for it to be believed at once; 0 to 1. */
  readonly shrink: number
  /** Whether the records themselves are kept, and not only what they say. */
  readonly keep: boolean
  /** After an interruption everything is read again within so many milliseconds. */
  readonly spread: number
  /** What was known when the process ended last; used where etcd cannot be reached at first. */
  readonly remembered?: Remembered | undefined
  readonly clock: Clock
  readonly random: () => number
  readonly logger: Logger
  /** Called with what a record said and says now, whenever that changes; {@link changed} follows. */
  wrote(key: string, before: readonly Instance[], after: readonly Instance[]): void
  /** Called when `records` or `trouble` has changed. */
  changed(): void
  /** Called when `trouble` has come or gone. */
  doubted(): void
  /** Called when it has been stopped. */
  ended(): void
}

/**
 * Lists at a revision and watches from the next. Reads everything again after a compaction, and some time after every
 * interruption: a store restored or emptied meanwhile is not told by its revisions when it has been written to since.
 */
export function createSource(options: SourceOptions): Source {
  const { client, layout, service, grace, shrink, spread, clock, random, logger, wrote, changed, doubted, ended, remembered } = options
  const prefix = layout.prefix(service)
  const reader = createRecordReader(layout, service, logger, options.keep)
  /** Kept though the store no longer has them. */
  const suspects = new Set<string>()
  let records: Map<string, Entry> | undefined
  let trouble: RpcError | undefined
  let staleSince: number | undefined
  let revision: number | undefined
  let watch: Pick<Watch, 'cancel'> | undefined
  let callOffReload = (): void => {}
  let callOffGrace = (): void => {}
  /** Number of the reading under way; a later one makes the earlier ones void. */
  let reading = 0
  let underWay = false
  /** What has been told during it: it may read of what was before. Not beyond a break, after which the store may be another one. */
  let meanwhile: WatchEvent[] = []
  let stopped = false

  /** The one place where a record comes, changes or goes; whether it does. */
  function write(all: Map<string, Entry>, key: string, entry: Entry | undefined): boolean {
    const before = all.get(key)
    if (before === entry) return false
    if (entry === undefined) all.delete(key)
    else all.set(key, entry)
    wrote(key, before?.instances ?? [], entry?.instances ?? [])
    return true
  }

  async function load(): Promise<void> {
    callOffReload()
    const own = ++reading
    underWay = true
    meanwhile = []
    const retry = createRetry(client, random)
    while (own === reading) {
      try {
        const { listed, at } = await list()
        if (own !== reading) return
        underWay = false
        trouble = undefined
        staleSince = undefined
        revision = at
        replace(listed)
        apply(meanwhile.filter(({ kv }) => kv.modRevision > at))
        meanwhile = []
        follow(at + 1)
        changed()
        doubted()
        return
      } catch (thrown) {
        if (own !== reading) return
        const error = RpcError.from(thrown)
        report(error)
        if (error.code === 'canceled') return
        await retry.after(error)
      }
    }
  }

  async function list(): Promise<{ listed: Map<string, Entry>; at: number }> {
    const listed = new Map<string, Entry>()
    let at: number | undefined
    for await (const page of client.pages({ prefix })) {
      at ??= page.revision
      for (const { keyText, text } of page.kvs) listed.set(keyText, reader.read({ keyText, text }, records?.get(keyText)))
    }
    return { listed, at: at ?? 0 }
  }

  /** A set that shrinks by more than the share at a reading has more likely been lost than left; registrations heal meanwhile. */
  function replace(listed: Map<string, Entry>): void {
    const all = records ?? new Map<string, Entry>()
    records = all
    const before = all.size
    const missing = [...all.keys()].filter((key) => !listed.has(key))
    const found = listed.size
    const collapsed = found < before * (1 - shrink)
    for (const [key, entry] of listed) {
      suspects.delete(key)
      write(all, key, entry)
    }
    for (const key of missing) {
      if (collapsed) suspects.add(key)
      if (!suspects.has(key)) write(all, key, undefined)
    }
    callOffGrace()
    if (suspects.size > 0) callOffGrace = clock.after(grace, dropSuspects)
    if (!collapsed) return
    const numbers = { service, before, found, grace }
    const text = `${missing.length} of ${before} instances of "${service}" are gone from ${client.name} after an interruption`
    logger.warn(numbers, `${text}; they are kept for ${grace} ms`)
  }

  function dropSuspects(): void {
    // While etcd is away nobody can come back to it; the next reading gives them the time again.
    if (suspects.size === 0 || records === undefined || trouble !== undefined) return
    for (const key of suspects) write(records, key, undefined)
    suspects.clear()
    changed()
  }

  function follow(startRevision: number): void {
    watch?.cancel()
    watch = client.watch({
      prefix,
      startRevision,
      listener: {
        events(events, at) {
          revision = at
          if (underWay) meanwhile = meanwhile.concat(events)
          apply(events)
        },
        progress(at) {
          revision = at
        },
        compacted() {
          // What is being read is of later; to read once more would be to doubt it once more.
          if (underWay) return
          // All clients lose the same history at the same time, unless it was too much for this one alone.
          if (trouble === undefined) void load()
          else reload(random() * spread)
        },
        interrupted(error) {
          meanwhile = []
          report(error)
        },
        // What was missed is heard at once; that it was all of it is looked up for a large set with less haste.
        resumed: () => reload(random() * Math.max(spread, Math.min(records?.size ?? 0, spread * 30))),
        error(error) {
          report(error)
          reload(1000 * (10 + 20 * random()))
        },
      },
    })
  }

  function apply(events: readonly WatchEvent[]): void {
    if (records === undefined) return
    let different = false
    for (const { type, kv } of events) {
      const key = kv.keyText
      suspects.delete(key)
      const entry = type === 'delete' ? undefined : reader.read({ keyText: key, text: kv.text }, records.get(key))
      different = write(records, key, entry) || different
    }
    if (different) changed()
  }

  function reload(ms: number): void {
    callOffReload()
    // Who heard of the trouble may have given it up.
    if (stopped) return
    callOffReload = clock.after(ms, () => void load())
  }

  function report(error: RpcError): void {
    if (stopped) return
    const before = trouble
    trouble = error
    if (before === undefined) staleSince = Date.now()
    if (records === undefined) recall()
    changed()
    if (before === undefined) doubted()
  }

  /** The set of former days is better than none; it is replaced, or kept for a while, as any other that etcd has lost. */
  function recall(): void {
    if (remembered === undefined) return
    records = new Map()
    for (const [keyText, text] of remembered.records) write(records, keyText, reader.read({ keyText, text }, undefined))
    staleSince = remembered.at
    revision = remembered.revision
  }

  void load()
  return {
    get records() {
      return records
    },
    get trouble() {
      return trouble
    },
    get staleSince() {
      return staleSince
    },
    get revision() {
      return revision
    },
    stop() {
      stopped = true
      reading = -1
      watch?.cancel()
      callOffReload()
      callOffGrace()
      ended()
    },
  }
}
