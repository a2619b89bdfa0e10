import type { EndpointInfo, Instance } from '../../registry.ts'

/** So many different texts, and lists of endpoints, are remembered. */
const most = 1024

/**
 * Makes instances that were read one by one share what they have in common: the texts of their metadata, and their endpoints, which are
 * mostly the same for a whole service and the largest part of its records.
 */
export function createSharing(): (instance: Instance) => Instance {
  const texts = new Map<string, string>()
  const lists = new Map<string, readonly EndpointInfo[]>()

  function once<T>(known: Map<string, T>, name: string, value: T): T {
    const found = known.get(name)
    if (found !== undefined) return found
    if (known.size < most) known.set(name, value)
    return value
  }

  return (instance) => {
    const { version, zone, metadata, endpoints } = instance
    if (version === undefined && zone === undefined && metadata === undefined && endpoints === undefined) return instance
    const text = (one: string): string => once(texts, one, one)
    return {
      ...instance,
      ...(version !== undefined && { version: text(version) }),
      ...(zone !== undefined && { zone: text(zone) }),
      ...(metadata && { metadata: Object.fromEntries(Object.entries(metadata).map(([name, value]) => [name, text(value)])) }),
      ...(endpoints && { endpoints: once(lists, JSON.stringify(endpoints), endpoints) }),
    }
  }
}
