import { type ConnectionOptions, createSecureContext, type SecureContext, type TlsOptions } from 'node:tls'
import { RpcError } from '../../error.ts'
import { ErrorCode, type Fault } from '../../http2/fault.ts'
import type { GrpcTlsOptions } from './options.ts'

/** Options for connecting. Throws `invalid_argument` for keys and certificates that cannot be read. */
export function clientTls(tls: GrpcTlsOptions | undefined): ConnectionOptions | undefined {
  return tls && defined({ secureContext: contextOf(tls), servername: tls.servername, rejectUnauthorized: tls.rejectUnauthorized })
}

/** Options for listening. Throws `invalid_argument` when there is no certificate, or one that cannot be read. */
export function serverTls(tls: GrpcTlsOptions): TlsOptions {
  if (tls.cert === undefined) throw new RpcError('invalid_argument', 'grpc: tls.cert and tls.key are needed to listen')
  contextOf(tls)
  const requestCert = tls.requestCert ?? false
  return defined({ ...common(tls), requestCert, rejectUnauthorized: requestCert && tls.rejectUnauthorized !== false })
}

/** What a connection is made with. Throws `invalid_argument` for keys and certificates that cannot be read. */
export function contextOf(tls: GrpcTlsOptions): SecureContext {
  try {
    return createSecureContext(common(tls))
  } catch (cause) {
    throw new RpcError('invalid_argument', `grpc: tls.cert, tls.key or tls.ca cannot be read: ${(cause as Error).message}`, { cause })
  }
}

function common({ ca, cert, key, passphrase }: GrpcTlsOptions): object {
  return defined({ ca, cert, key, passphrase, minVersion: 'TLSv1.2' })
}

/** Node takes an option that is there and undefined for one that is set. */
function defined<T extends object>(options: T): T {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as T
}

/** What is told of a peer that closes a connection without giving a reason. */
export const closedByPeer = 'the peer closed it'

/** Why a connection could not be made, and what to look at. */
export function connectProblem(address: string, reason: Fault, tls: boolean): string {
  const code = (reason.cause as NodeJS.ErrnoException | undefined)?.code ?? ''
  const hint = hintFor(reason, code, tls)
  return `cannot connect to ${address}: ${reason.message || code}${hint === '' ? '' : ` (${hint})`}`
}

function hintFor({ http2, message }: Fault, code: string, tls: boolean): string {
  if (/CERT|SELF_SIGNED|ISSUER|ALTNAME|VERIFY/.test(code)) return `${code}; give its authority as tls.ca, its name as tls.servername`
  if (http2 !== ErrorCode.noError) return tls ? 'it does not speak gRPC' : 'it does not speak gRPC, or wants TLS'
  if (tls && ['EPROTO', 'ECONNRESET', 'ERR_SSL_WRONG_VERSION_NUMBER'].includes(code)) return 'does it speak TLS?'
  return !tls && message === closedByPeer ? 'does it want TLS?' : ''
}
