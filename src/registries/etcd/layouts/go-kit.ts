import type { Layout } from '../layout.ts'
import { placeAt, withSlash } from './template.ts'

/** Options of {@link goKit}. */
export interface GoKitOptions {
  /** Beginning of the keys, used as it is; `{service}` in it stands for the name of the service. Default `/services/{service}/`. */
  readonly prefix?: string | undefined
  /** Adds a `/` to a prefix that has none at its end. Without it `users` also finds what is under `users2`. Default false, as go-kit. */
  readonly appendSlash?: boolean | undefined
}

/**
 * go-kit's records (sd/etcdv3): `<prefix><address>` → the address, nothing else. Whatever is under the prefix is an instance of
 * the service that is watched; its id is its key. Throws `invalid_argument` for an empty prefix.
 */
export function goKit({ prefix = '/services/{service}/', appendSlash = false }: GoKitOptions = {}): Layout {
  const place = placeAt('goKit', appendSlash && prefix !== '' ? withSlash(prefix) : prefix)
  return {
    name: 'go-kit',
    ...place,
    key: ({ service, address }) => place.prefix(service) + address,
    encode: ({ address }) => address,
    decode(key, value, service) {
      if (value === '' || /\s/.test(value)) throw new Error(`${JSON.stringify(value)} is not an address`)
      return [{ id: key, service, address: value }]
    },
    doubt: (key, service) =>
      key === place.prefix(service)
        ? 'is the prefix itself: instances that register like this overwrite each other, and one that leaves removes the others; add the address to the key'
        : undefined,
  }
}
