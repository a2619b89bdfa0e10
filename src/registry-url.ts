import { readFileSync } from 'node:fs'
import { RpcError } from './error.ts'
import type { Logger } from './logger.ts'
import { type EtcdRegistryOptions, etcd, etcdNaming, goKit, goMicro, goZero, kitex, kratos, type Layout, rpcx } from './registries/etcd.ts'
import { type EtcdV2RegistryOptions, etcdV2, goKit as goKitV2, goMicro as goMicroV2 } from './registries/etcd-v2.ts'
import { fixed } from './registries/fixed.ts'
import { memory } from './registries/memory.ts'
import type { Registry } from './registry.ts'

const form = /^([a-z][a-z0-9+-]*):\/\/(?:([^@/?]*)@)?([^/?]*)\/?(?:\?(.*))?$/

/**
 * A registry from one line of text, as it stands in `BECKON_REGISTRY`:
 * `etcd://user:pass@h1:2379,h2:2379?layout=go-kit&prefix=/services/book/`, `fixed://h1:8080,h2:8080` or `memory://`.
 * etcd's parameters: `layout` (`go-micro`, `go-micro-v1`, `go-kit`, `etcd-naming`, `kratos`, `go-zero`, `kitex`, `rpcx`; several with commas), `prefix`, `ttl`, `heartbeat` and `timeout` (`10s`, `500ms`),
 * `tls=true`, which the others mean too: `ca`, `cert` and `key` (file names), `servername`. `etcd-v2://` is etcd by its former API, with the layouts `go-micro` and `go-kit`. Throws `invalid_argument` naming what it cannot read.
 */
export function registryFromUrl(url: string, options: { readonly logger?: Logger | undefined } = {}): Registry {
  const match = form.exec(url)
  if (match === null) throw bad(url, 'must look like etcd://host:port,host:port?layout=go-micro')
  const [, scheme, credentials, hosts = '', query] = match
  const addresses = hosts.split(',').filter((host) => host !== '')
  const params = new URLSearchParams(query)
  switch (scheme) {
    case 'memory':
      return memory()
    case 'fixed':
      if (addresses.length === 0) throw bad(url, 'fixed:// needs at least one host:port')
      return fixed(addresses)
    case 'etcd':
    case 'etcd-v2': {
      const reach = { ...userOf(url, credentials), ...(addresses.length > 0 && { endpoints: addresses }), logger: options.logger }
      return scheme === 'etcd'
        ? etcd({ ...etcdOptions(url, params, layoutsByName), ...reach })
        : etcdV2({ ...etcdOptions(url, params, layoutsOfV2), ...reach })
    }
    default:
      throw bad(url, `knows no "${scheme}"; there are etcd, etcd-v2, fixed and memory`)
  }
}

function userOf(url: string, credentials: string | undefined): { readonly username?: string; readonly password?: string } {
  if (credentials === undefined) return {}
  const [username = '', ...rest] = credentials.split(':')
  if (rest.length === 0) throw bad(url, 'has a user without a password; write user:password@')
  try {
    return { username: decodeURIComponent(username), password: decodeURIComponent(rest.join(':')) }
  } catch {
    throw bad(url, 'user and password must be percent-encoded: write %25 for %')
  }
}

function etcdOptions(url: string, params: URLSearchParams, layouts: Layouts): EtcdRegistryOptions & EtcdV2RegistryOptions {
  const known = ['layout', 'prefix', 'ttl', 'heartbeat', 'timeout', 'tls', 'ca', 'cert', 'key', 'servername']
  for (const name of params.keys()) if (!known.includes(name)) throw bad(url, `has no parameter "${name}"; there are ${known.join(', ')}`)
  const times = (['ttl', 'heartbeat', 'timeout'] as const).flatMap((name) => {
    const value = params.get(name)
    return value === null ? [] : [[name, milliseconds(value, `${name} in registry URL`)] as const]
  })
  const files = (['ca', 'cert', 'key'] as const).flatMap((name) => {
    const file = params.get(name)
    return file === null ? [] : [[name, read(file, name)] as const]
  })
  const servername = params.get('servername')
  const named = files.length > 0 || servername !== null
  const tls = params.get('tls') ?? `${named}`
  if (tls !== 'true' && tls !== 'false') throw bad(url, 'tls must be true or false')
  if (tls === 'false' && named) throw bad(url, 'has tls=false beside ca, cert, key or servername, which are for TLS; leave either out')
  return {
    ...Object.fromEntries(times),
    layouts: (params.get('layout') ?? 'go-micro').split(',').map((name) => layout(url, layouts, name, params.get('prefix') ?? undefined)),
    ...(tls === 'true' && { tls: { ...Object.fromEntries(files), ...(servername !== null && { servername }) } }),
  }
}

/** Makes layouts by their names. */
type Layouts = Readonly<Record<string, (prefix: string | undefined) => Layout>>

/** Every layout by its name; all but go-kit have a prefix of their own. */
const layoutsByName: Layouts = {
  'go-micro': (prefix) => goMicro({ prefix }),
  'go-micro-v1': (prefix = '/micro-registry/') => goMicro({ prefix }),
  'go-kit': (prefix) => goKit({ prefix }),
  'etcd-naming': (target) => etcdNaming({ target }),
  kratos: (namespace) => kratos({ namespace }),
  'go-zero': (key) => goZero({ key }),
  kitex: (prefix) => kitex({ prefix }),
  rpcx: (basePath) => rpcx({ basePath }),
}

const layoutsOfV2: Layouts = {
  'go-micro': (prefix) => goMicroV2({ prefix }),
  'go-kit': (prefix) => goKitV2({ prefix }),
}

function layout(url: string, layouts: Layouts, name: string, prefix: string | undefined): Layout {
  if (!Object.hasOwn(layouts, name)) throw bad(url, `knows no layout "${name}"; there are ${Object.keys(layouts).join(', ')}`)
  if (name === 'go-kit' && prefix === undefined) throw bad(url, 'layout=go-kit needs prefix=, as in prefix=/services/book/')
  return (layouts[name] as (prefix: string | undefined) => Layout)(prefix)
}

function read(file: string, parameter: string): Buffer {
  try {
    return readFileSync(file)
  } catch (cause) {
    throw new RpcError('invalid_argument', `registry URL: ${parameter}=${file} cannot be read: ${(cause as Error).message}`, { cause })
  }
}

const units: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 }

/** Reads a time as Go writes it (`500ms`, `10s`, `1m`), or a bare number of seconds, into milliseconds > 0. Throws `invalid_argument` naming `what`. */
export function milliseconds(text: string, what: string): number {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h)?$/.exec(text)
  if (match === null) throw new RpcError('invalid_argument', `${what}: ${JSON.stringify(text)} is not a time; write 500ms, 10s or 1m`)
  const time = Number(match[1]) * (units[match[2] ?? 's'] ?? 1000)
  if (time === 0) throw new RpcError('invalid_argument', `${what}: must be > 0, got ${JSON.stringify(text)}`)
  return time
}

/** A registry URL as it may be shown: whatever stands between the user and the last `@` is left out, well-formed or not. */
export function withoutPassword(url: string): string {
  return url.replace(/^([^:]*:\/\/[^:]*):.*@/s, '$1:***@')
}

function bad(url: string, why: string): RpcError {
  return new RpcError('invalid_argument', `registry URL ${withoutPassword(url)}: ${why}`)
}
