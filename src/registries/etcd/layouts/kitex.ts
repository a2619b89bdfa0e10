import type { Layout } from '../layout.ts'
import { goJson, parseObject, sorted, text, texts } from './go-json.ts'
import { fromLabels, fromWhole, toLabels, toWhole } from './labels.ts'

/** Options of {@link kitex}. */
export interface KitexOptions {
  /** Default `kitex/registry-etcd`; empty for who registers by `NewEtcdRegistryWithAuth`, which leaves it out. */
  readonly prefix?: string | undefined
}

/** kitex's weight where nobody says otherwise; ours is 1. */
const ordinary = 10

/**
 * kitex's records (kitex-contrib/registry-etcd): `kitex/registry-etcd/<service>/<address>` → JSON. Its weights are ten times ours,
 * and whole. Version and zone go into the tags; an instance's id is its key.
 */
export function kitex({ prefix = 'kitex/registry-etcd' }: KitexOptions = {}): Layout {
  const root = `${prefix}/`
  return {
    name: 'kitex',
    root,
    prefix: (service) => `${root}${service}/`,
    key: ({ service, address }) => `${root}${service}/${address}`,
    encode: (instance) =>
      goJson({
        network: 'tcp',
        address: instance.address,
        weight: toWhole(instance.weight ?? 1, ordinary),
        tags: sorted(toLabels(instance, ['version', 'zone'])),
      }),
    decode(key, value, service) {
      const { network, address, weight, tags } = parseObject(value)
      if (network !== undefined && network !== 'tcp') throw new Error(`is reached by ${JSON.stringify(network)}, not tcp`)
      const at = text(address)
      if (at === undefined || at === '') throw new Error('has no address')
      const { weight: _, ...labels } = fromLabels(texts(tags))
      return [{ id: key, service, address: at, ...labels, ...fromWhole(weight, ordinary) }]
    },
    serviceOf: (key) => key.slice(root.length, key.lastIndexOf('/')),
  }
}
