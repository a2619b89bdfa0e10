import { isDeepStrictEqual } from 'node:util'
import { differences, type Instances } from '../instances.ts'
import type { Instance } from '../registry.ts'

/** What happened to one instance. */
export interface Change {
  readonly change: 'added' | 'removed' | 'changed'
  /** As it is now, or was last. */
  readonly instance: Instance
  /** Names of what is different, where it changed. */
  readonly fields: readonly string[]
}

/** What happened between two sets of one service's instances: who went, then who came or changed, by id. */
export function changesBetween(before: Instances, after: Instances): readonly Change[] {
  const removed: Change[] = []
  const rest: Change[] = []
  for (const { before: old, after: now } of differences(before, after)) {
    if (now === undefined) {
      if (old !== undefined) removed.push({ change: 'removed', instance: old, fields: [] })
    } else if (old === undefined) rest.push({ change: 'added', instance: now, fields: [] })
    else {
      const fields = differentFields(old, now)
      if (fields.length > 0) rest.push({ change: 'changed', instance: now, fields })
    }
  }
  return [...removed, ...rest]
}

function differentFields(a: Instance, b: Instance): readonly string[] {
  const names = new Set([...Object.keys(a), ...Object.keys(b)]) as Set<keyof Instance>
  return [...names].filter((name) => !isDeepStrictEqual(a[name], b[name])).sort()
}
