import { formatAddress, parseAddress } from '../address.ts'
import { RpcError } from '../error.ts'

/** Where etcd listens, and whether the scheme asks for TLS. */
export interface Endpoints {
  /** `host:port` of each, at least one, none twice. */
  readonly addresses: readonly string[]
  /** By `https://` or `http://`; undefined when none has a scheme. */
  readonly secure: boolean | undefined
}

const defaultPort = 2379

/** Reads etcd's addresses: `host`, `host:port`, `http(s)://host:port`; 2379 is the port. Throws `invalid_argument` naming the option. */
export function parseEndpoints(endpoints: readonly string[]): Endpoints {
  if (!Array.isArray(endpoints) || endpoints.length === 0) throw invalid('must name at least one address, e.g. ["127.0.0.1:2379"]')
  for (const endpoint of endpoints) if (typeof endpoint !== 'string') throw invalid(`must be strings, got ${endpoint}`)
  const parsed = endpoints.map(parse)
  const schemes = new Set(parsed.map(({ scheme }) => scheme).filter((scheme) => scheme !== ''))
  if (schemes.size > 1) throw invalid(`must all be http:// or all https://, got ${endpoints.join(', ')}`)
  const [scheme] = schemes
  return { addresses: [...new Set(parsed.map(({ address }) => address))], secure: scheme === undefined ? undefined : scheme === 'https' }
}

function parse(text: string): { readonly scheme: string; readonly address: string } {
  const [, scheme = '', rest = ''] = /^(?:([a-z][a-z0-9+.-]*):\/\/)?(.*?)\/?$/i.exec(text.trim()) ?? []
  if (!['', 'http', 'https'].includes(scheme.toLowerCase())) throw invalid(`${JSON.stringify(text)}: the scheme must be http or https`)
  const hasPort = /:\d+$/.test(rest) && (rest.startsWith('[') || rest.indexOf(':') === rest.lastIndexOf(':'))
  const v6 = !rest.startsWith('[') && rest.indexOf(':') !== rest.lastIndexOf(':')
  const address = readAddress(hasPort ? rest : `${v6 ? `[${rest}]` : rest}:${defaultPort}`)
  if (address === undefined) throw invalid(`${JSON.stringify(text)}: must be host, host:port or http(s)://host:port`)
  return { scheme: scheme.toLowerCase(), address }
}

function readAddress(text: string): string | undefined {
  try {
    const { host, port } = parseAddress(text)
    return host === '' || port === 0 ? undefined : formatAddress(host, port)
  } catch {
    return undefined
  }
}

function invalid(text: string): RpcError {
  return new RpcError('invalid_argument', `etcd: endpoints ${text}`)
}
