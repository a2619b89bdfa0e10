import { RpcError } from '../../error.ts'
import type { GrpcTlsOptions } from './options.ts'

/** Where keys and certificates come from. */
export interface TlsSource {
  /** What it says now. Throws `invalid_argument` for what cannot be right. */
  read(): GrpcTlsOptions
  /** It may say something else later. */
  readonly changes: boolean
}

/** The source that the option `tls` stands for. Throws `invalid_argument`. */
export function tlsSource(tls: GrpcTlsOptions | (() => GrpcTlsOptions) | boolean | undefined): TlsSource | undefined {
  if (tls === undefined || tls === false) return undefined
  if (typeof tls === 'function') return { read: () => checked(tls()), changes: true }
  const fixed = checked(tls === true ? {} : tls)
  return { read: () => fixed, changes: false }
}

function checked(tls: GrpcTlsOptions): GrpcTlsOptions {
  if (typeof tls !== 'object' || tls === null || tls instanceof Promise)
    throw new RpcError('invalid_argument', `grpc: tls must be an object, a function that returns one, or true, got ${String(tls)}`)
  for (const [name, pair] of [['', tls] as const, ...Object.entries(tls.names ?? {})])
    checkPair(name === '' ? 'tls' : `tls.names['${name}']`, pair)
  return tls
}

function checkPair(where: string, { cert, key }: Pick<GrpcTlsOptions, 'cert' | 'key'>): void {
  if ((cert === undefined) === (key === undefined)) return
  const [missing, given] = cert === undefined ? ['cert', 'key'] : ['key', 'cert']
  throw new RpcError('invalid_argument', `grpc: ${where}.${given} is given without ${where}.${missing}`)
}
