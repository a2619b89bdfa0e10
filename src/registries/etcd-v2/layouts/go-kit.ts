import type { Layout } from '../../etcd/layout.ts'
import { directory } from './directory.ts'

/** Options of {@link goKit}. */
export interface GoKitOptions {
  /** The directory of the records; `{service}` in it stands for the name of the service. Default `/services/{service}/`. */
  readonly prefix?: string | undefined
}

/**
 * go-kit's records (sd/etcd): `<prefix>/<id>` → the address, nothing else. Whatever lies in the directory is an instance of the
 * service that is watched, its name there is its id; what lies deeper is none, as for go-kit. Throws `invalid_argument` for an empty prefix.
 */
export function goKit({ prefix = '/services/{service}/' }: GoKitOptions = {}): Layout {
  const template = directory('goKit', prefix)
  const directoryOf = (service: string): string => template.replaceAll(placeholder, () => service)
  const at = template.indexOf(placeholder)
  const before = template.slice(0, at)
  const places: Pick<Layout, 'root' | 'serviceOf'> = {
    root: parent(before),
    serviceOf(key) {
      const place = parent(key)
      const service = place.slice(at, place.length - (template.length - at - placeholder.length))
      return directoryOf(service) === place ? service : undefined
    },
  }
  return {
    name: 'go-kit',
    prefix: directoryOf,
    key: ({ service, id }) => directoryOf(service) + id.replaceAll('/', '-'),
    encode: ({ address }) => address,
    decode(key, value, service) {
      const id = key.slice(directoryOf(service).length)
      if (id.includes('/')) return []
      if (value === '' || /\s/.test(value)) throw new Error(`${JSON.stringify(value)} is not an address`)
      return [{ id, service, address: value }]
    },
    ...(at >= 0 && places),
  }
}

const placeholder = '{service}'

function parent(path: string): string {
  return path.slice(0, path.lastIndexOf('/') + 1)
}
