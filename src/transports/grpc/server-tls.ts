import type { SecureContext, TlsOptions } from 'node:tls'
import type { GrpcTlsOptions } from './options.ts'
import { contextOf, serverTls } from './tls.ts'
import type { TlsSource } from './tls-source.ts'

/** The certificates of a server that listens. */
export interface ServerTls {
  /** To listen with. */
  readonly options: TlsOptions
  /** Reads them again every so many milliseconds and gives `apply` what has changed, until the function that is returned is called. */
  watch(every: number, apply: (options: TlsOptions) => void): () => void
}

/** Reads the certificates of a server. Throws `invalid_argument` for those that cannot be used. */
export function serverCertificates(source: TlsSource): ServerTls {
  let read = source.read()
  let byName = contextsOf(read)

  return {
    options: { ...serverTls(read), SNICallback: (name, done) => done(null, find(name)) },
    watch(every, apply) {
      if (!source.changes) return () => {}
      const timer = setInterval(() => {
        try {
          renew(apply)
        } catch (cause) {
          // The old ones stay. Who could not be told would find out when they expire.
          process.emitWarning(`beckon: certificates cannot be read again: ${(cause as Error).message}`, { code: 'BECKON_TLS_RENEWAL' })
        }
      }, every).unref()
      return () => clearInterval(timer)
    },
  }

  function renew(apply: (options: TlsOptions) => void): void {
    const next = source.read()
    if (JSON.stringify(next) === JSON.stringify(read)) return
    const [options, contexts] = [serverTls(next), contextsOf(next)]
    apply(options)
    byName = contexts
    read = next
  }

  /** The certificate of a name, else one for all names beside it. */
  function find(name: string): SecureContext | undefined {
    const lower = name.toLowerCase()
    return byName.get(lower) ?? byName.get(`*${lower.slice(lower.indexOf('.'))}`)
  }
}

function contextsOf({ names = {}, ...rest }: GrpcTlsOptions): Map<string, SecureContext> {
  return new Map(Object.entries(names).map(([name, pair]) => [name.toLowerCase(), contextOf({ ...rest, ...pair })]))
}
