import type { Layout } from '../layout.ts'
import { sorted } from './go-json.ts'
import { fromLabels, toLabels } from './labels.ts'

/** Options of {@link rpcx}. */
export interface RpcxOptions {
  /** As it is given to rpcx, whose keys begin with it. Default `/rpcx`. */
  readonly basePath?: string | undefined
}

/**
 * rpcx's records (rpcx-etcd): `<base>/<service>/tcp@<address>` → metadata as a URL's query. Version, weight and zone go
 * into it. What is `state=inactive` is no instance, nor are the marks that rpcx leaves at its folders. An instance's id is its key.
 */
export function rpcx({ basePath = '/rpcx' }: RpcxOptions = {}): Layout {
  const root = `${basePath}/`
  return {
    name: 'rpcx',
    root,
    prefix: (service) => `${root}${service}/`,
    key: ({ service, address }) => `${root}${service}/tcp@${address}`,
    encode: (instance) => query(toLabels(instance, ['version', 'weight', 'zone'])),
    decode(key, value, service) {
      const place = key.slice(root.length + service.length + 1)
      const [, network, address] = /^([a-z0-9]+)@([^/].*)$/.exec(place) ?? []
      if (network === undefined || address === undefined) {
        if (place === '' || place.includes('/')) return []
        throw new Error(`${JSON.stringify(place)} is not like tcp@host:port`)
      }
      const labels = Object.fromEntries(new URLSearchParams(value))
      if (labels.state === 'inactive') return []
      if (network !== 'tcp' && network !== 'http') throw new Error(`is reached by ${network}, not tcp`)
      return [{ id: key, service, address, ...fromLabels(labels) }]
    },
    serviceOf(key) {
      const end = key.lastIndexOf('/')
      return end > root.length && key.includes('@', end) ? key.slice(root.length, end) : undefined
    },
  }
}

/** As Go's url.Values.Encode, which differs from a browser's in two characters. */
function query(labels: Readonly<Record<string, string>>): string {
  return new URLSearchParams(sorted(labels)).toString().replaceAll('%7E', '~').replaceAll('*', '%2A')
}
