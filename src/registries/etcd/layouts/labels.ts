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
