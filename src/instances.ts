import type { Instance } from './registry.ts'

/**
 * Every instance of a service at some time, ordered by id. Immutable: a change is another set, which shares with this one what is the
 * same in both, so that making it, and finding out what is different ({@link differences}), costs the same however many there are.
 */
export interface Instances extends Iterable<Instance> {
  readonly size: number
  /** The instances in runs of up to 128; what two sets have in common are mostly the very same runs. */
  readonly runs: readonly Run[]
  get(id: string): Instance | undefined
  map<T>(to: (instance: Instance) => T): T[]
  /** Those for which `keep` is true. It is asked once about each instance for as long as it is the same function, and must always say the same. */
  filter(keep: (instance: Instance) => boolean): Instances
  /** The set with these changes by id; `undefined` for one that leaves. The same object where nothing is different. */
  with(changes: ReadonlyMap<string, Instance | undefined>): Instances
}

/** Some consecutive instances of a set, at least one. */
export type Run = readonly Instance[]

/** What is different about one id; one of both is there, and where both are, they are different objects. */
export interface Difference {
  readonly before: Instance | undefined
  readonly after: Instance | undefined
}

/** A run that grows beyond this is divided. Copying one, and the list of them, is all that a change costs. */
const longest = 128
const usual = 64

/** A set of these; of several with one id the last. A set is itself. */
export function instancesOf(list: Iterable<Instance>): Instances {
  if ('runs' in list) return list as Instances
  const byId = new Map<string, Instance>()
  for (const instance of list) byId.set(instance.id, instance)
  return nobody.with(byId)
}

/** What is different in the second set, by id. Runs that both sets share are passed over. */
export function* differences({ runs: old }: Instances, { runs: now }: Instances): Generator<Difference> {
  let [i, j, at, to] = [0, 0, 0, 0]
  while (i < old.length || j < now.length) {
    const run = old[i]
    const other = now[j]
    if (run === other && at === to) {
      i += 1
      j += 1
      at = to = 0
      continue
    }
    const a = run?.[at]
    const b = other?.[to]
    // Whoever is in both is passed over without a look at the id: of a large set most are in no cache of the processor's.
    const before = b === undefined || a === b || (a !== undefined && a.id <= b.id) ? a : undefined
    const after = a === undefined || a === b || (b !== undefined && b.id <= a.id) ? b : undefined
    if (before !== after) yield { before, after }
    if (before !== undefined && ++at === run?.length) {
      i += 1
      at = 0
    }
    if (after !== undefined && ++to === other?.length) {
      j += 1
      to = 0
    }
  }
}

/** Answers of `keep` functions, by run. */
const kept = new WeakMap<(instance: Instance) => boolean, WeakMap<Run, Run>>()

/** A class and no object with closures, for one is made at every change. */
class Runs implements Instances {
  readonly runs: readonly Run[]
  readonly size: number

  constructor(runs: readonly Run[], size: number) {
    this.runs = runs
    this.size = size
  }

  get(id: string): Instance | undefined {
    const run = this.runs[runFor(this.runs, id, 0)]
    const found = run?.[placeIn(run, id, 0)]
    return found?.id === id ? found : undefined
  }

  map<T>(to: (instance: Instance) => T): T[] {
    return this.runs.flatMap((run) => run.map(to))
  }

  filter(keep: (instance: Instance) => boolean): Instances {
    const answers = kept.get(keep) ?? new WeakMap<Run, Run>()
    kept.set(keep, answers)
    const filtered = this.runs.map((run) => {
      let answer = answers.get(run)
      if (answer === undefined) {
        answer = run.filter(keep)
        if (answer.length === run.length) answer = run
        answers.set(run, answer)
      }
      return answer
    })
    if (filtered.every((run, i) => run === this.runs[i])) return this
    const left = filtered.filter(({ length }) => length > 0)
    return new Runs(
      left,
      left.reduce((sum, { length }) => sum + length, 0),
    )
  }

  with(changes: ReadonlyMap<string, Instance | undefined>): Instances {
    return changed(this, changes)
  }

  *[Symbol.iterator](): Generator<Instance> {
    for (const run of this.runs) yield* run
  }
}

/** The set without anybody. */
export const nobody: Instances = new Runs([], 0)

/** The set with the changes. All that it copies is the runs that are different, and the list of runs as a whole. */
function changed(set: Instances, changes: ReadonlyMap<string, Instance | undefined>): Instances {
  const { runs } = set
  const ids = [...changes.keys()].sort()
  let { size } = set
  let result: Run[] | undefined
  for (let i = 0, next = 0; i < ids.length; next++) {
    next = Math.max(next, Math.min(runFor(runs, ids[i] as string, next), runs.length - 1))
    const run = runs[next] ?? []
    const last = next < runs.length - 1 ? run.at(-1)?.id : undefined
    const merged: Instance[] = []
    let at = 0
    let same = true
    for (; i < ids.length && (last === undefined || (ids[i] as string) <= last); i++) {
      const id = ids[i] as string
      for (const place = placeIn(run, id, at); at < place; at++) merged.push(run[at] as Instance)
      const before = run[at]?.id === id ? run[at++] : undefined
      const after = changes.get(id)
      if (after !== undefined) merged.push(after)
      same &&= before === after
    }
    if (same) continue
    for (; at < run.length; at++) merged.push(run[at] as Instance)
    result ??= [...runs]
    // What was put in before may have divided runs, or joined them.
    replaceRun(result, next + result.length - runs.length, merged)
    size += merged.length - run.length
  }
  return result === undefined ? set : new Runs(result, size)
}

/** Divides what has become too long, and joins what has become short to its neighbour, so that there are never many short runs. */
function replaceRun(runs: Run[], index: number, run: Run): void {
  const before = runs[index - 1]
  if (run.length === 0) runs.splice(index, 1)
  else if (before !== undefined && run.length < usual / 2 && before.length + run.length <= longest)
    runs.splice(index - 1, 2, [...before, ...run])
  else if (run.length <= longest) runs[index] = run
  else runs.splice(index, 1, ...divided(run))
}

function divided(run: Run): Run[] {
  const parts = Math.ceil(run.length / usual)
  return Array.from({ length: parts }, (_, part) =>
    run.slice(Math.floor((part * run.length) / parts), Math.floor(((part + 1) * run.length) / parts)),
  )
}

/** The first run from `low` on that does not end before `id`; their number where all do. */
function runFor(runs: readonly Run[], id: string, low: number): number {
  let high = runs.length
  let from = low
  while (from < high) {
    const middle = (from + high) >>> 1
    if (((runs[middle] as Run).at(-1) as Instance).id < id) from = middle + 1
    else high = middle
  }
  return from
}

/** Where in the run, from `from` on, `id` is or belongs. */
function placeIn(run: Run, id: string, from: number): number {
  let low = from
  let high = run.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((run[middle] as Instance).id < id) low = middle + 1
    else high = middle
  }
  return low
}
