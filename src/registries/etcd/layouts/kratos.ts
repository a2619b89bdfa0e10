import { formatAddress, parseAddress } from '../../../address.ts'
import type { Instance } from '../../../registry.ts'
import type { Layout } from '../layout.ts'
import { goJson, parseObject, sorted, text, texts } from './go-json.ts'
import { fromLabels, fromWhole, toLabels, toWhole } from './labels.ts'

/** Options of {@link kratos}. */
export interface KratosOptions {
  /** Default `/microservices`. */
  readonly namespace?: string | undefined
}

/** kratos's weight where nobody says otherwise; ours is 1. */
const ordinary = 100

/**
 * kratos's records (contrib/registry/etcd): `/microservices/<service>/<id>` → JSON with one URL per protocol. Weight and zone go
 * into the metadata; kratos's weights are a hundred times ours, and whole. Of several URLs gRPC's is preferred, then the first; only gRPC's
 * address has no scheme, unless it is over TLS: `grpcs://host:port`, which servers that kratos's clients are to call over TLS advertise.
 */
export function kratos({ namespace = '/microservices' }: KratosOptions = {}): Layout {
  const root = `${namespace}/`
  return {
    name: 'kratos',
    root,
    prefix: (service) => `${root}${service}/`,
    key: ({ service, id }) => `${root}${service}/${id}`,
    encode(instance) {
      const { id, service, version = '', weight } = instance
      const labels = toLabels({ ...instance, ...(weight !== undefined && { weight: toWhole(weight, ordinary) }) }, ['weight', 'zone'])
      return goJson({ id, name: service, version, metadata: sorted(labels), endpoints: [toUrl(instance)] })
    },
    decode(key, value, service) {
      const record = parseObject(value)
      if (text(record.name) !== service) return []
      const { weight, ...labels } = fromLabels(texts(record.metadata))
      const version = text(record.version)
      return [
        {
          ...labels,
          ...fromWhole(weight, ordinary),
          ...(version !== undefined && version !== '' && { version }),
          id: text(record.id) || key,
          service,
          address: addressIn(record.endpoints),
        },
      ]
    },
    serviceOf: (_key, value) => text(parseObject(value).name),
  }
}

function toUrl({ address, metadata }: Instance): string {
  const { scheme, host, port } = parseAddress(address)
  const { protocol = 'grpc' } = metadata ?? {}
  return `${scheme || (protocol === 'mucp' ? 'http' : protocol)}://${formatAddress(host, port)}`
}

/** Before v2.3.1, kratos told TLS by `isSecure=true` and not by the scheme. */
function addressIn(endpoints: unknown): string {
  const urls = Array.isArray(endpoints) ? endpoints.filter((url): url is string => typeof url === 'string') : []
  const url = urls.find((one) => /^grpcs?:/.test(one)) ?? urls[0]
  if (url === undefined) throw new Error('has no endpoints')
  const { scheme, host, port } = parseAddress(url)
  const secure = /[?&]isSecure=true(&|$)/i.test(url)
  const address = formatAddress(host, port)
  return scheme === '' || (scheme === 'grpc' && !secure) ? address : `${secure ? scheme.replace(/s?$/, 's') : scheme}://${address}`
}
