import { checkNumber } from '../check.ts'
import type { Clock } from '../clock.ts'
import { RpcError } from '../error.ts'
import { parseEndpoints } from '../etcd/endpoints.ts'
import type { Logger } from '../logger.ts'
import { type RecordOptions, settings } from './etcd/options.ts'
import { createRegistry, type EtcdRegistry } from './etcd/registry.ts'
import type { EtcdV2TlsOptions } from './etcd-v2/exchange.ts'
import { createKeys } from './etcd-v2/keys.ts'
import type { DirectoryLayout } from './etcd-v2/layout.ts'
import { goMicro } from './etcd-v2/layouts/go-micro.ts'
import { createLink } from './etcd-v2/link.ts'
import { createRegistration } from './etcd-v2/registration.ts'
import { createStore } from './etcd-v2/store.ts'

export type { EtcdRegistryState } from './etcd/freshness.ts'
export type { Layout } from './etcd/layout.ts'
export type { GoMicroOptions } from './etcd/layouts/go-micro.ts'
export type { RecordOptions } from './etcd/options.ts'
export type { EtcdRegistry } from './etcd/registry.ts'
export type { EtcdV2TlsOptions } from './etcd-v2/exchange.ts'
export type { DirectoryLayout } from './etcd-v2/layout.ts'
export { type GoKitOptions, goKit } from './etcd-v2/layouts/go-kit.ts'
export { goMicro } from './etcd-v2/layouts/go-micro.ts'

/** How to reach etcd, and how to use it as a registry. */
export interface EtcdV2RegistryOptions extends RecordOptions {
  /** How instances are written; see `RecordOptions`. Prefixes are directories here. Default `[goMicro()]`. */
  readonly layouts?: readonly DirectoryLayout[] | undefined
  /** `host`, `host:port` or `http(s)://host:port` of any of the members. One is used at a time, at first a random one. Default `127.0.0.1:2379`. */
  readonly endpoints?: readonly string[] | undefined
  /** Certificates for TLS; an `https://` endpoint alone means TLS with the system's authorities. */
  readonly tls?: EtcdV2TlsOptions | boolean | undefined
  readonly username?: string | undefined
  /** A function is asked before every request, so that the password can be rotated while the registry lives. */
  readonly password?: string | (() => string | Promise<string>) | undefined
  /** Milliseconds until a request must have been answered, by whichever endpoint. Default 5000. */
  readonly timeout?: number | undefined
  /**
   * How long a watch may hang without a word before it is asked for anew, at least 1000 ms, and how long etcd may take to begin its answer: so long
   * does it take to notice that it is gone without a trace. Default: 10 000 and 4000.
   */
  readonly keepalive?: { readonly interval?: number | undefined; readonly timeout?: number | undefined } | undefined
  readonly clock?: Clock | undefined
  /** Uniform in [0, 1). Default `Math.random`. */
  readonly random?: (() => number) | undefined
  readonly logger?: Logger | undefined
}

/**
 * Services registered in etcd by its former API (v2, over HTTP), which etcd has up to 3.5 with `--enable-v2=true`: for fleets that still live
 * there. It has no transactions: with several layouts, records are written one after the other. Connects when it is first used. Throws
 * `invalid_argument` naming the option.
 */
export function etcdV2(options: EtcdV2RegistryOptions = {}): EtcdRegistry {
  const set = settings('etcd v2 registry', options, goMicro)
  const { timeout = 5000, username, password } = options
  const keepalive = { interval: options.keepalive?.interval ?? 10_000, timeout: options.keepalive?.timeout ?? 4000 }
  checkNumber('etcd v2 registry: timeout (ms)', timeout, { min: 1 })
  checkNumber('etcd v2 registry: keepalive.interval (ms)', keepalive.interval, { min: 1000 })
  checkNumber('etcd v2 registry: keepalive.timeout (ms)', keepalive.timeout, { min: 1 })
  if ((username === undefined) !== (password === undefined)) throw invalid('username and password must be given together')
  const { addresses, secure } = parseEndpoints(options.endpoints ?? ['127.0.0.1:2379'])
  if (secure !== undefined && options.tls !== undefined && secure !== (options.tls !== false))
    throw invalid(`tls ${secure ? 'is false, but the endpoints are https://' : 'is given, but the endpoints are http://'}`)
  const link = createLink({ ...set, addresses, tls: options.tls ?? secure ?? false, username, password, timeout })
  const keys = createKeys(link)
  const store = createStore({ ...set, link, keys, keepalive })
  return createRegistry({
    ...set,
    store,
    timeout,
    begin: (instance, ties) => createRegistration(instance, { ...set, link, keys, store, ...ties }),
    async close() {
      link.close()
    },
  })
}

function invalid(text: string): RpcError {
  return new RpcError('invalid_argument', `etcd v2 registry: ${text}`)
}
