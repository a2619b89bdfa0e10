import { createHash } from 'node:crypto'
import type { Layout } from '../layout.ts'
import { placeAt, withSlash } from './template.ts'

/** Options of {@link goZero}. */
export interface GoZeroOptions {
  /** `Etcd.Key` of go-zero's configuration; `{service}` in it stands for the name of the service. Default `{service}`. */
  readonly key?: string | undefined
}

/**
 * go-zero's records (core/discov): `<key>/<number>` → the address. go-zero numbers by lease unless it is given an id (`WithId`); so are ours,
 * by one made from the instance's: instances may share a lease, and a record stays where it is when its lease is another. What is read has its
 * key for an id.
 */
export function goZero({ key = '{service}' }: GoZeroOptions = {}): Layout {
  const place = placeAt('goZero', key && withSlash(key))
  return {
    name: 'go-zero',
    ...place,
    key: ({ service, id }) => `${place.prefix(service)}${numberOf(id)}`,
    encode: ({ address }) => address,
    decode(at, value, service) {
      if (value === '' || /\s/.test(value)) throw new Error(`${JSON.stringify(value)} is not an address`)
      return [{ id: at, service, address: value }]
    },
  }
}

/** A positive int64, as a lease's id is. */
function numberOf(id: string): bigint {
  return createHash('sha256').update(id).digest().readBigUInt64BE() >> 1n
}
