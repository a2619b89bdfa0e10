import type { EndpointInfo, Instance, ValueInfo } from '../../registry.ts'
import type { Layout } from './layout.ts'

/** Options of {@link goMicro}. */
export interface GoMicroOptions {
  /** Default `/micro/registry/`; the plugins for go-micro v1 have `/micro-registry/`. */
  readonly prefix?: string | undefined
}

/** What a Go service says about itself; its clients show it and choose by their own configuration. */
const about = { broker: 'memory', protocol: 'grpc', registry: 'etcd', server: 'grpc', transport: 'grpc' }

/**
 * go-micro's records (v1.11 and later): `/micro/registry/<service>/<id>`, one JSON service with one node. Weight and zone go
 * into the node's metadata. Also reads what older versions write: the port by itself, several nodes in one record.
 */
export function goMicro(options: GoMicroOptions = {}): Layout {
  const prefix = options.prefix ?? '/micro/registry/'
  return {
    name: 'go-micro',
    root: prefix,
    prefix: (service) => `${prefix}${flat(service)}/`,
    key: ({ service, id }) => `${prefix}${flat(service)}/${flat(id)}`,
    encode: (instance) => goJson(toRecord(instance)),
    decode(_key, value, service) {
      const record = parse(value)
      if (text(record.name) !== service) return []
      const nodes = list(record.nodes)
      if (nodes.length === 0) throw new Error('has no nodes')
      return nodes.map((node) => toInstance(service, record, node))
    },
    serviceOf: (_key, value) => text(parse(value).name),
  }
}

/** go-micro puts services and ids into one level of the key. */
function flat(name: string): string {
  return name.replaceAll('/', '-')
}

function toRecord({ id, service, address, version = 'latest', weight, zone, metadata, endpoints }: Instance): object {
  const extra = { ...(weight !== undefined && { weight: String(weight) }), ...(zone !== undefined && { zone }) }
  return {
    name: service,
    version,
    metadata: null,
    endpoints: endpoints?.map(fromEndpoint) ?? null,
    nodes: [{ id, address, metadata: sorted({ ...about, ...extra, ...metadata }) }],
  }
}

function fromEndpoint({ name, request, response, metadata }: EndpointInfo): object {
  return { name, request: fromValue(request), response: fromValue(response), metadata: sorted(metadata ?? {}) }
}

function fromValue(value: ValueInfo | undefined): object | null {
  return value === undefined ? null : { name: value.name, type: value.type, values: value.values?.map(fromValue) ?? null }
}

/** Go writes maps in the order of their keys. */
function sorted(map: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(map).sort(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b))))
}

/** JSON as Go's encoding/json writes it, which escapes what could hurt in HTML. */
function goJson(record: object): string {
  return JSON.stringify(record).replace(/[<>&\u2028\u2029]/g, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`)
}

type Json = Readonly<Record<string, unknown>>

function parse(value: string): Json {
  const record: unknown = JSON.parse(value)
  if (!isObject(record)) throw new Error('is not a JSON object')
  return record
}

function toInstance(service: string, record: Json, node: Json): Instance {
  const id = text(node.id)
  if (id === undefined || id === '') throw new Error('has a node without an id')
  const address = addressOf(node)
  if (address === undefined) throw new Error(`has a node without an address: ${id}`)
  const metadata = { ...texts(record.metadata), ...texts(node.metadata) }
  const version = text(record.version)
  const weight = Number(metadata.weight)
  const endpoints = list(record.endpoints).map(toEndpoint)
  return {
    id,
    service,
    address,
    ...(version !== undefined && { version }),
    ...(weight > 0 && Number.isFinite(weight) && { weight }),
    ...(metadata.zone !== undefined && { zone: metadata.zone }),
    metadata,
    ...(endpoints.length > 0 && { endpoints }),
  }
}

/** Before v1.8 the port was a number of its own. */
function addressOf({ address, port }: Json): string | undefined {
  const host = text(address)
  if (host === undefined || host === '') return undefined
  return typeof port === 'number' && port > 0 && !host.includes(':') ? `${host}:${port}` : host
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

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined
}

function list(value: unknown): readonly Json[] {
  return Array.isArray(value) ? value.filter(isObject) : []
}

function texts(value: unknown): Record<string, string> {
  if (!isObject(value)) return {}
  return Object.fromEntries(Object.entries(value).filter((entry): entry is [string, string] => typeof entry[1] === 'string'))
}
