import { isDeepStrictEqual } from 'node:util'
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
export function changesBetween(before: readonly Instance[], after: readonly Instance[]): readonly Change[] {
  const old = new Map(before.map((instance) => [instance.id, instance]))
  const ids = new Set(after.map(({ id }) => id))
  const removed = before.filter(({ id }) => !ids.has(id)).map((instance): Change => ({ change: 'removed', instance, fields: [] }))
  const rest = after.flatMap((instance): readonly Change[] => {
    const known = old.get(instance.id)
    if (known === undefined) return [{ change: 'added', instance, fields: [] }]
    const fields = differences(known, instance)
    return fields.length === 0 ? [] : [{ change: 'changed', instance, fields }]
  })
  return [...removed, ...rest]
}

function differences(a: Instance, b: Instance): readonly string[] {
  const names = new Set([...Object.keys(a), ...Object.keys(b)]) as Set<keyof Instance>
  return [...names].filter((name) => !isDeepStrictEqual(a[name], b[name])).sort()
}
