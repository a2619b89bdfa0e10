import { formatAddress, parseAddress } from '../../../address.ts'
import type { EndpointInfo, Instance, ValueInfo } from '../../../registry.ts'
import type { Layout } from '../layout.ts'
import { goJson, isObject, type Json, list, parseObject, sorted, text, texts } from './go-json.ts'
import { fromLabels, toLabels } from './labels.ts'

/** Options of {@link goMicro}. */
export interface GoMicroOptions {
  /** Default `/micro/registry/`; the plugins for go-micro v1 have `/micro-registry/`. */
  readonly prefix?: string | undefined
  /** Writes the port by itself, as go-micro did before v1.8. Those versions also read the address with it; later ones read nothing else. Default false. */
  readonly separatePort?: boolean | undefined
}

/** What a Go service says about itself; its clients show it and choose by their own configuration. */
const about = { broker: 'memory', protocol: 'grpc', registry: 'etcd', server: 'grpc', transport: 'grpc' }

/** The same for a service that speaks go-micro's own protocol. */
const aboutMucp = { ...about, protocol: 'mucp', server: 'mucp', transport: 'http' }

/**
 * go-micro's records (v1.11 and later): `/micro/registry/<service>/<id>`, one JSON service with one node. Weight and zone go
 * into the node's metadata. Also reads what older versions write: the port by itself, several nodes in one record.
 */
export function goMicro({ prefix = '/micro/registry/', separatePort = false }: GoMicroOptions = {}): Layout {
  return {
    name: 'go-micro',
    root: prefix,
    prefix: (service) => `${prefix}${flat(service)}/`,
    key: ({ service, id }) => `${prefix}${flat(service)}/${flat(id)}`,
    encode: (instance) => goJson(toRecord(instance, separatePort)),
    decode(_key, value, service) {
      const record = parseObject(value)
      if (text(record.name) !== service) return []
      const nodes = list(record.nodes)
      if (nodes.length === 0) throw new Error('has no nodes')
      return nodes.map((node) => toInstance(service, record, node))
    },
    serviceOf: (_key, value) => text(parseObject(value).name),
  }
}

/** go-micro puts services and ids into one level of the key. */
function flat(name: string): string {
  return name.replaceAll('/', '-')
}

function toRecord(instance: Instance, separatePort: boolean): object {
  const { id, service, version = 'latest', endpoints, metadata } = instance
  const labels = { ...(metadata?.protocol === 'mucp' ? aboutMucp : about), ...toLabels(instance, ['weight', 'zone']) }
  return {
    name: service,
    version,
    metadata: null,
    endpoints: endpoints?.map(fromEndpoint) ?? null,
    nodes: [{ id, ...placeOf(instance, separatePort), metadata: sorted(labels) }],
  }
}

function placeOf({ address }: Instance, separatePort: boolean): object {
  if (!separatePort) return { address }
  const { scheme, host, port } = parseAddress(address)
  return scheme === '' ? { address: host.includes(':') ? `[${host}]` : host, port } : { address, port: 0 }
}

function fromEndpoint({ name, request, response, metadata }: EndpointInfo): object {
  return { name, request: fromValue(request), response: fromValue(response), metadata: sorted(metadata ?? {}) }
}

function fromValue(value: ValueInfo | undefined): object | null {
  return value === undefined ? null : { name: value.name, type: value.type, values: value.values?.map(fromValue) ?? null }
}

function toInstance(service: string, record: Json, node: Json): Instance {
  const id = text(node.id)
  if (id === undefined || id === '') throw new Error('has a node without an id')
  const address = addressOf(node)
  if (address === undefined) throw new Error(`has a node without an address: ${id}`)
  const metadata = withProtocol({ ...texts(record.metadata), ...texts(node.metadata) })
  const version = text(record.version)
  const endpoints = list(record.endpoints).map(toEndpoint)
  return {
    ...fromLabels(metadata),
    id,
    service,
    address,
    ...(version !== undefined && { version }),
    ...(endpoints.length > 0 && { endpoints }),
  }
}

const protocols: ReadonlyMap<string | undefined, string> = new Map([
  ['grpc', 'grpc'],
  ['mucp', 'mucp'],
  ['rpc', 'mucp'],
])

/** Old servers only say which kind they are. */
function withProtocol(metadata: Record<string, string>): Record<string, string> {
  const protocol = protocols.get(metadata.server)
  return metadata.protocol !== undefined || protocol === undefined ? metadata : { ...metadata, protocol }
}

/** Before v1.8 the port was a number of its own. */
function addressOf({ address, port }: Json): string | undefined {
  const host = text(address)
  if (host === undefined || host === '') return undefined
  if (typeof port !== 'number' || port <= 0 || (host.includes(':') && !host.endsWith(']'))) return host
  return formatAddress(host.replace(/^\[|\]$/g, ''), port)
}

function toEndpoint(endpoint: Json): EndpointInfo {
  const { request, response } = endpoint
  return {
    name: text(endpoint.name) ?? '',
    ...(isObject(request) && { request: toValue(request) }),
    ...(isObject(response) && { response: toValue(response) }),
    metadata: texts(endpoint.metadata),
  }
}

function toValue(value: Json): ValueInfo {
  const values = list(value.values).map(toValue)
  return { name: text(value.name) ?? '', type: text(value.type) ?? '', ...(values.length > 0 && { values }) }
}
