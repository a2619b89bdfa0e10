import { RpcError } from '../../error.ts'
import type { Layout } from './layout.ts'

/** Options of {@link goKit}. */
export interface GoKitOptions {
  /** Beginning of the keys, used as it is; `{service}` in it stands for the name of the service. Default `/services/{service}/`. */
  readonly prefix?: string | undefined
  /** Adds a `/` to a prefix that has none at its end. Without it `users` also finds what is under `users2`. Default false, as go-kit. */
  readonly appendSlash?: boolean | undefined
}

const placeholder = '{service}'

/**
 * go-kit's records (sd/etcdv3): `<prefix><address>` → the address, nothing else. Whatever is under the prefix is an instance of
 * the service that is watched; its id is its key.
 */
export function goKit(options: GoKitOptions = {}): Layout {
  const given = options.prefix ?? `/services/${placeholder}/`
  if (given === '') throw new RpcError('invalid_argument', 'goKit: prefix must not be empty')
  const template = options.appendSlash && !given.endsWith('/') ? `${given}/` : given
  const at = template.indexOf(placeholder)
  const prefix = (service: string): string => template.replaceAll(placeholder, service)
  const layout: Layout = {
    name: 'go-kit',
    prefix,
    key: ({ service, address }) => prefix(service) + address,
    encode: ({ address }) => address,
    decode(key, value, service) {
      if (value === '' || /\s/.test(value)) throw new Error(`${JSON.stringify(value)} is not an address`)
      return [{ id: key, service, address: value }]
    },
    doubt: (key, service) =>
      key === prefix(service)
        ? 'is the prefix itself: instances that register like this overwrite each other, and one that leaves removes the others; add the address to the key'
        : undefined,
  }
  if (at < 0) return layout
  const root = template.slice(0, at)
  const [behind = ''] = template.slice(at + placeholder.length)
  return {
    ...layout,
    root,
    serviceOf(key) {
      const rest = key.slice(root.length)
      const end = behind === '' ? -1 : rest.indexOf(behind)
      return end > 0 ? rest.slice(0, end) : undefined
    },
  }
}
