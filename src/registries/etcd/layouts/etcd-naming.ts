import type { Layout } from '../layout.ts'
import { goJson, parseObject, sorted, text, texts } from './go-json.ts'
import { fromLabels, toLabels } from './labels.ts'
import { placeAt, withSlash } from './template.ts'

/** Options of {@link etcdNaming}. */
export interface EtcdNamingOptions {
  /** What callers write after `etcd:///`; `{service}` in it stands for the name of the service. Default `{service}`. */
  readonly target?: string | undefined
}

/**
 * The records of etcd's own gRPC naming (client/v3/naming/endpoints), for callers at `etcd:///<target>`:
 * `<target>/<address>` → `{"Op":0,"Addr":…,"Metadata":…}`. Version, weight and zone go into the metadata; an instance's id is its key.
 */
export function etcdNaming({ target = '{service}' }: EtcdNamingOptions = {}): Layout {
  const place = placeAt('etcdNaming', target && withSlash(target))
  return {
    name: 'etcd-naming',
    ...place,
    key: ({ service, address }) => place.prefix(service) + address,
    encode(instance) {
      const labels = toLabels(instance, ['version', 'weight', 'zone'])
      return goJson({ Op: 0, Addr: instance.address, Metadata: Object.keys(labels).length === 0 ? null : sorted(labels) })
    },
    decode(key, value, service) {
      const { Op, Addr, Metadata } = parseObject(value)
      // 1 takes back what another record says; the manager of today deletes that instead.
      if (Op === 1) return []
      const address = text(Addr)
      if (address === undefined || address === '') throw new Error('has no Addr')
      return [{ id: key, service, address, ...fromLabels(texts(Metadata)) }]
    },
  }
}
