import { readFileSync } from 'node:fs'
import { rename, writeFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { type Clock, sleep } from '../../clock.ts'
import type { Logger } from '../../logger.ts'

/** The records under a prefix as they were at some time. */
export interface Remembered {
  /** When they were the last time known to be right, as `Date.now()`. */
  readonly at: number
  /** etcd's revision then. */
  readonly revision: number
  /** Keys and values. */
  readonly records: readonly (readonly [key: string, value: string])[]
}

/** A file with the last sets that were known. */
export interface Snapshot {
  read(prefix: string): Remembered | undefined
  /** Writes what `now` says soon, in one piece: whoever reads the file finds the old or the new one. */
  keep(prefix: string, now: () => Remembered | undefined): void
  /** Writes what is still to be written. Never rejects. */
  flush(): Promise<void>
}

/** Writes are at least so many milliseconds apart. */
const pace = 1000

/** Snapshots of this process, each of which writes to a draft of its own. */
let made = 0

/** A snapshot in `file`. Nothing is lost with it: what cannot be read or written is told to the logger once, and done without. */
export function createSnapshot(file: string, clock: Clock, logger: Logger): Snapshot {
  const latest = new Map<string, () => Remembered | undefined>()
  let known: Record<string, Remembered> | undefined
  // The processes of containers that share a directory may have the same number.
  const draft = `${file}.${hostname()}.${process.pid}.${made++}`
  let writing: Promise<void> = Promise.resolve()
  let planned = false
  let warned = false

  function all(): Record<string, Remembered> {
    known ??= load()
    return known
  }

  function load(): Record<string, Remembered> {
    try {
      const { version, prefixes } = JSON.parse(readFileSync(file, 'utf8'))
      if (version !== 1 || typeof prefixes !== 'object' || prefixes === null) throw new Error('is not a snapshot of this version')
      return Object.fromEntries(Object.entries(prefixes).filter(isRemembered))
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') warn(error as Error, 'cannot be read')
      return {}
    }
  }

  function warn(error: Error, what: string): void {
    if (!warned) logger.warn({ file, err: error }, `snapshot ${file} ${what}: ${error.message}`)
    warned = true
  }

  async function write(): Promise<void> {
    const prefixes = all()
    for (const [prefix, now] of latest) {
      const remembered = now()
      if (remembered !== undefined) prefixes[prefix] = remembered
    }
    latest.clear()
    try {
      await writeFile(draft, JSON.stringify({ version: 1, prefixes }))
      await rename(draft, file)
      warned = false
    } catch (error) {
      warn(error as Error, 'cannot be written')
    }
  }

  /** Two at a time would write to the same draft. */
  function inTurn(): Promise<void> {
    writing = writing.then(write)
    return writing
  }

  async function later(): Promise<void> {
    await sleep(clock, pace)
    planned = false
    await inTurn()
  }

  return {
    read: (prefix) => all()[prefix],
    keep(prefix, now) {
      latest.set(prefix, now)
      if (planned) return
      planned = true
      void later()
    },
    async flush() {
      await (latest.size > 0 ? inTurn() : writing)
    },
  }
}

function isRemembered(entry: [string, unknown]): entry is [string, Remembered] {
  const { at, revision, records } = (entry[1] ?? {}) as Partial<Remembered>
  const pairs = Array.isArray(records) && records.every((pair) => Array.isArray(pair) && pair.every((text) => typeof text === 'string'))
  return typeof at === 'number' && typeof revision === 'number' && pairs
}
