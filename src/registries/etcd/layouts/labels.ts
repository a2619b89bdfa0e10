import type { Instance } from '../../../registry.ts'

/** What of an instance goes into a record's map of texts, because the record has no field for it. */
type Label = 'version' | 'weight' | 'zone'

/** The map of a record: the instance's metadata, and under their names what the layout has no field for. */
export function toLabels(instance: Instance, without: readonly Label[]): Record<string, string> {
  const labels = { ...instance.metadata }
  for (const name of without) if (instance[name] !== undefined) labels[name] = String(instance[name])
  return labels
}

/** What the map of a record says about an instance. A weight that is none is left out. */
export function fromLabels(labels: Readonly<Record<string, string>>): Pick<Instance, Label | 'metadata'> {
  const { version, zone } = labels
  const weight = Number(labels.weight)
  return {
    ...(version !== undefined && { version }),
    ...(weight > 0 && Number.isFinite(weight) && { weight }),
    ...(zone !== undefined && { zone }),
    metadata: labels,
  }
}

/** A weight for a record whose ordinary weight is not our 1, and that knows no fractions. */
export function toWhole(weight: number, ordinary: number): number {
  return Math.max(1, Math.round(weight * ordinary))
}

/** What such a record's weight says about an instance; nothing where it is the ordinary one, or none. */
export function fromWhole(weight: unknown, ordinary: number): Pick<Instance, 'weight'> {
  const ours = typeof weight === 'number' ? weight / ordinary : 0
  return ours > 0 && ours < Number.POSITIVE_INFINITY && ours !== 1 ? { weight: ours } : {}
}
