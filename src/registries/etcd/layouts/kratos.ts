import { formatAddress, parseAddress } from '../../../address.ts'
import type { Instance } from '../../../registry.ts'
import type { Layout } from '../layout.ts'
import { goJson, parseObject, sorted, text, texts } from './go-json.ts'
import { fromLabels, toLabels } from './labels.ts'

/** Options of {@link kratos}. */
export interface KratosOptions {
  /** Default `/microservices`. */
  readonly namespace?: string | undefined
}

/**
 * kratos's records (contrib/registry/etcd): `/microservices/<service>/<id>` → JSON with one URL per protocol. Weight and zone go
 * into the metadata. Of several URLs `grpc://` is preferred, then the first that is one; only gRPC's address has no scheme.
 */
export function kratos({ namespace = '/microservices' }: KratosOptions = {}): Layout {
  const root = `${namespace}/`
  return {
    name: 'kratos',
    root,
    prefix: (service) => `${root}${service}/`,
    key: ({ service, id }) => `${root}${service}/${id}`,
    encode: (instance) =>
      goJson({
        id: instance.id,
        name: instance.service,
        version: instance.version ?? '',
        metadata: sorted(toLabels(instance, ['weight', 'zone'])),
        endpoints: [toUrl(instance)],
      }),
    decode(key, value, service) {
      const record = parseObject(value)
      if (text(record.name) !== service) return []
      const metadata = texts(record.metadata)
      const version = text(record.version)
      return [
        {
          ...fromLabels(metadata),
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
  const secure = scheme === 'https' || scheme === 'grpcs'
  const protocol = scheme.replace(/s$/, '') || (metadata?.protocol === 'mucp' ? 'http' : (metadata?.protocol ?? 'grpc'))
  return `${protocol}://${formatAddress(host, port)}?isSecure=${secure}`
}

function addressIn(endpoints: unknown): string {
  const urls = Array.isArray(endpoints) ? endpoints.filter((url): url is string => typeof url === 'string') : []
  const url = urls.find((one) => one.startsWith('grpc://')) ?? urls[0]
  if (url === undefined) throw new Error('has no endpoints')
  const { scheme, host, port } = parseAddress(url)
  const secure = /[?&]isSecure=true(&|$)/i.test(url)
  const address = formatAddress(host, port)
  return scheme === '' || (scheme === 'grpc' && !secure) ? address : `${secure ? scheme.replace(/s?$/, 's') : scheme}://${address}`
}
