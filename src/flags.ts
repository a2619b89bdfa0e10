import { RpcError } from './error.ts'
import type { Logger } from './logger.ts'
import type { Registry } from './registry.ts'
import { milliseconds, registryFromUrl, withoutPassword } from './registry-url.ts'

/** What the command line and the environment say, ready to be spread into `createServer` and `createClient`. */
export interface Flags {
  readonly registry: Registry
  /** The registry as a URL, without a password. */
  readonly registryUrl: string
  readonly server: {
    readonly name?: string
    readonly id?: string
    readonly version?: string
    readonly address?: string
    readonly advertise?: string
    readonly metadata?: Readonly<Record<string, string>>
  }
  readonly client: { readonly timeout?: number; readonly retry?: { readonly attempts: number } }
  /** Arguments that are none of these flags, in order: for `parseArgs` of `node:util`, which refuses what it does not know, misspelled flags too. */
  readonly rest: readonly string[]
}

/** What {@link flags} reads, and what it assumes where nothing is said. */
export interface FlagsOptions {
  /** Default `process.argv.slice(2)`. */
  readonly argv?: readonly string[] | undefined
  /** Default `process.env`. */
  readonly env?: Readonly<Record<string, string | undefined>> | undefined
  /** Registry parameters where nobody says otherwise, as in a registry URL: `layout=go-kit&prefix=/services/book/`. */
  readonly registryDefaults?: string | undefined
  readonly logger?: Logger | undefined
}

/** go-micro's flags, which are also its environment variables with `MICRO_` before them, in upper case. */
export const flagNames = [
  'registry',
  'registry_address',
  'register_ttl',
  'register_interval',
  'server_name',
  'server_id',
  'server_version',
  'server_address',
  'server_advertise',
  'server_metadata',
  'client_request_timeout',
  'client_retries',
] as const

type FlagName = (typeof flagNames)[number]

/**
 * Reads go-micro's flags and variables: `--registry=etcd --registry_address=host:port,host:port`, `MICRO_REGISTRY`, `MICRO_REGISTRY_ADDRESS`, …
 * `--registry` also takes a whole registry URL, as `BECKON_REGISTRY` does. A flag wins over a variable, `BECKON_REGISTRY` over `MICRO_REGISTRY`,
 * and etcd at 127.0.0.1:2379 is the default. Addresses may be URLs; `https://` means TLS. Throws `invalid_argument` naming the flag.
 */
export function flags(options: FlagsOptions = {}): Flags {
  const { argv = process.argv.slice(2), env = process.env } = options
  const { given, rest } = parse(argv)
  const get = (name: FlagName): string | undefined => given.get(name)?.at(-1) || env[`MICRO_${name.toUpperCase()}`] || undefined
  const registryUrl = urlOf(given, env, get, options.registryDefaults)
  const attempts = whole(get('client_retries'), 'client_retries')
  const timeout = get('client_request_timeout')
  const metadata = given.get('server_metadata') ?? (env.MICRO_SERVER_METADATA || undefined)?.split(',')
  return {
    registry: registryFromUrl(registryUrl, { logger: options.logger }),
    registryUrl: withoutPassword(registryUrl),
    server: defined({
      name: get('server_name'),
      id: get('server_id'),
      version: get('server_version'),
      address: get('server_address'),
      advertise: get('server_advertise'),
      metadata: metadata && Object.fromEntries(metadata.map(pair)),
    }),
    client: defined({
      timeout: timeout === undefined ? undefined : milliseconds(timeout, '--client_request_timeout'),
      // go-micro counts the tries after the first.
      retry: attempts === undefined ? undefined : { attempts: attempts + 1 },
    }),
    rest,
  }
}

function parse(argv: readonly string[]): { given: Map<FlagName, string[]>; rest: string[] } {
  const given = new Map<FlagName, string[]>()
  const rest: string[] = []
  for (let i = 0; i < argv.length; i++) {
    const argument = argv[i] as string
    const match = /^--([a-z_-]+)(?:=(.*))?$/s.exec(argument)
    const name = match?.[1]?.replaceAll('-', '_') as FlagName
    if (match === null || !flagNames.includes(name)) {
      rest.push(argument)
      continue
    }
    const value = match[2] ?? argv[++i]
    if (value === undefined || (match[2] === undefined && value.startsWith('--')))
      throw new RpcError('invalid_argument', `--${name} needs a value`)
    given.set(name, [...(given.get(name) ?? []), value])
  }
  return { given, rest }
}

function urlOf(
  given: ReadonlyMap<FlagName, readonly string[]>,
  env: NonNullable<FlagsOptions['env']>,
  get: (name: FlagName) => string | undefined,
  defaults: string | undefined,
): string {
  const flag = given.get('registry')?.at(-1) || undefined
  const named = flag ?? (given.has('registry_address') ? undefined : env.BECKON_REGISTRY || undefined) ?? get('registry') ?? 'etcd'
  if (!/^[a-z0-9-]+$|:\/\//.test(named))
    throw new RpcError(
      'invalid_argument',
      `--registry or BECKON_REGISTRY: "${named.replace(/:.*@/s, ':***@')}" must be a name like etcd, or a URL like etcd://host:port`,
    )
  const addresses = get('registry_address') ?? ''
  const url = named.includes('://') ? named : `${named}://${addresses.replace(/https?:\/\//g, '')}`
  const ttl = get('register_ttl')
  const interval = get('register_interval')
  const [base = '', query = ''] = url.split('?')
  const params = new URLSearchParams(/^etcd(-v2)?:/.test(base) && !query.includes('layout=') ? defaults : '')
  for (const [name, value] of new URLSearchParams(query)) params.set(name, value)
  if (url !== named && addresses.includes('https://')) params.set('tls', 'true')
  if (ttl !== undefined) params.set('ttl', ttl)
  if (interval !== undefined) params.set('heartbeat', interval)
  const pairs = [...params].map(([name, value]) => `${name}=${encodeURIComponent(value).replaceAll('%2F', '/')}`)
  return pairs.length === 0 ? base : `${base}?${pairs.join('&')}`
}

function pair(text: string): readonly [string, string] {
  const equals = text.indexOf('=')
  if (equals < 1) throw new RpcError('invalid_argument', `--server_metadata: ${JSON.stringify(text)} must be key=value`)
  return [text.slice(0, equals), text.slice(equals + 1)]
}

function whole(text: string | undefined, name: FlagName): number | undefined {
  if (text === undefined) return undefined
  if (!/^\d+$/.test(text)) throw new RpcError('invalid_argument', `--${name}: must be a whole number ≥ 0, got ${JSON.stringify(text)}`)
  return Number(text)
}

/** Without the entries that are undefined. */
function defined<T extends object>(values: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>
  }
}
