import { RpcError } from '../../error.ts'
import type { Compression } from './compression.ts'
import { type CorsOptions, checkCors } from './http1/cors.ts'
import { checkBoolean, checkCount as count, checkNumber as number } from './number.ts'
import { type ServerLimits, type ServerSettings, toServerSettings } from './server-limits.ts'
import { type TlsSource, tlsSource } from './tls-source.ts'

/** Keys and certificates, as PEM text or bytes. */
export interface GrpcTlsOptions {
  /** Certificates of the authorities that the peer's certificate is checked against. Default: those known to Node. */
  readonly ca?: string | Uint8Array | readonly (string | Uint8Array)[] | undefined
  /** This side's certificate: a server needs one, a client where the server asks for it. */
  readonly cert?: string | Uint8Array | undefined
  readonly key?: string | Uint8Array | undefined
  readonly passphrase?: string | undefined
  /** Server: other certificates for clients that ask for these names (SNI); `*.example.com` is for all beside it. */
  readonly names?: Readonly<Record<string, Required<Pick<GrpcTlsOptions, 'cert' | 'key'>> & Pick<GrpcTlsOptions, 'passphrase'>>> | undefined
  /** Client: the name that the server's certificate is checked for. Default: the host of the address. */
  readonly servername?: string | undefined
  /** Whether a peer with a certificate that cannot be verified is turned away. Default true. */
  readonly rejectUnauthorized?: boolean | undefined
  /** Server: ask clients for a certificate. Default false. */
  readonly requestCert?: boolean | undefined
}

/** When the client asks a silent peer whether it is still there, in milliseconds. */
export interface KeepaliveOptions {
  /**
   * Silence after which a PING is sent, while there are calls: 1000 … 2^31 - 1. Default 30 000, four times longer after each
   * PING in a row up to 480 000, because grpc-go by default hangs up on clients that ask more often. When set, it stays the same. A
   * server that hangs up with `too_many_pings` is asked half as often on later connections.
   */
  readonly interval?: number | undefined
  /** How long the answer may take before the connection counts as lost: 1 … 2^31 - 1. Default 10 000. */
  readonly timeout?: number | undefined
}

/** Options of the gRPC transport, for both sides. All durations are in milliseconds. */
export interface GrpcOptions {
  /**
   * Speak TLS. `true`: with what Node trusts. A function is called for every connection of a client, and again and again by a server (see
   * `server.tlsRefresh`), so that certificates can be renewed. Default: plain text.
   */
  readonly tls?: GrpcTlsOptions | (() => GrpcTlsOptions) | boolean | undefined
  /** Bytes of the largest message that is taken, inflated: 1 … 2^32 - 1. Default 4 MiB. */
  readonly maxReceiveBytes?: number | undefined
  /** Bytes of the largest message that is sent: 1 … 2^32 - 1. Default: as many as gRPC has. */
  readonly maxSendBytes?: number | undefined
  /** Bytes of the largest list of headers or trailers that is taken, 32 per header included: 1024 … 262 144. Default 16 KiB. */
  readonly maxHeaderBytes?: number | undefined
  /** Client: how long connecting may take, TLS and the peer's first words included: 1 … 2^31 - 1. Default 3000. */
  readonly connectTimeout?: number | undefined
  /** Client: when a silent server is asked for a sign of life; `false` for never. A server's own is `server.keepalive`. */
  readonly keepalive?: KeepaliveOptions | false | undefined
  /** Server: calls under way on one connection, 1 … 2^31 - 1; more are refused. Default 10 000. */
  readonly maxConcurrentStreams?: number | undefined
  /**
   * Bytes that a peer may send on one stream before they are read. 65 535 … 2^31 - 1. Default 256 KiB: small calls on the same connection wait behind so
   * much at most. Far away it bounds how fast one stream gets: 256 KiB per round trip.
   */
  readonly streamWindow?: number | undefined
  /** Bytes that a peer may send on one connection before they are read. 65 535 … 2^31 - 1. Default 16 MiB. */
  readonly connectionWindow?: number | undefined
  /** Server: answer HTTP/1.1 on the same port too: `POST /package.Service/Method` with JSON, Connect's unary calls, `GET /healthz`. Default true. */
  readonly http1?: boolean | undefined
  /** Server: which pages in browsers may call over HTTP/1.1. Default: none but the server's own. */
  readonly cors?: CorsOptions | undefined
  /**
   * How messages are compressed that are worth it, from 1 KiB on: requests if the server can read that, which it must, and replies if their
   * caller can. A server also answers in kind who sends compressed requests. Default: not at all. Compressed messages are always taken.
   */
  readonly compression?: Compression | undefined
  /** Server: how long connections last, and what is taken from their peers. */
  readonly server?: ServerLimits | undefined
  /** Client: what it calls itself. Default `grpc-node-beckon`. */
  readonly userAgent?: string | undefined
}

/** {@link GrpcOptions} with all defaults in place. */
export interface Settings {
  readonly tls: TlsSource | undefined
  readonly maxReceiveBytes: number
  readonly maxSendBytes: number
  readonly maxHeaderBytes: number
  readonly connectTimeout: number
  readonly keepalive: { readonly interval: number; readonly timeout: number; readonly growth: number } | undefined
  readonly maxConcurrentStreams: number
  readonly streamWindow: number
  readonly connectionWindow: number
  readonly http1: boolean
  readonly cors: CorsOptions | undefined
  readonly compression: Compression | undefined
  readonly server: ServerSettings
  readonly userAgent: string
}

const maxWindow = 0x7fffffff

/** Checks options. Throws `invalid_argument` naming the option. */
export function toSettings(options: GrpcOptions): Settings {
  const { keepalive, tls } = options
  const interval = keepalive === false ? undefined : keepalive?.interval
  return {
    tls: tlsSource(tls),
    maxReceiveBytes: count('maxReceiveBytes', options.maxReceiveBytes ?? 4_194_304, 1, 0xffffffff),
    maxSendBytes: count('maxSendBytes', options.maxSendBytes ?? 0xffffffff, 1, 0xffffffff),
    maxHeaderBytes: count('maxHeaderBytes', options.maxHeaderBytes ?? 16_384, 1024, 262_144),
    connectTimeout: number('connectTimeout', options.connectTimeout ?? 3000, 1, maxWindow),
    keepalive:
      keepalive === false
        ? undefined
        : {
            interval: number('keepalive.interval', interval ?? 30_000, 1000, maxWindow),
            timeout: number('keepalive.timeout', keepalive?.timeout ?? 10_000, 1, maxWindow),
            growth: interval === undefined ? 4 : 1,
          },
    maxConcurrentStreams: count('maxConcurrentStreams', options.maxConcurrentStreams ?? 10_000, 1, maxWindow),
    streamWindow: count('streamWindow', options.streamWindow ?? 262_144, 65_535, maxWindow),
    connectionWindow: count('connectionWindow', options.connectionWindow ?? 16_777_216, 65_535, maxWindow),
    http1: checkBoolean('http1', options.http1 ?? true),
    cors: checkCors(options.cors),
    compression: checkCompression(options.compression),
    server: toServerSettings(options.server ?? {}),
    userAgent: text('userAgent', options.userAgent ?? 'grpc-node-beckon'),
  }
}

function text(name: string, value: string): string {
  if (typeof value === 'string' && /^[\x21-\x7e][\x20-\x7e]{0,255}$/.test(value)) return value.trim()
  throw new RpcError('invalid_argument', `grpc: ${name} must be 1 … 256 printable ASCII characters, got ${JSON.stringify(value)}`)
}

function checkCompression(value: Compression | undefined): Compression | undefined {
  if (value === undefined || value === 'gzip') return value
  throw new RpcError('invalid_argument', `grpc: compression must be 'gzip' or undefined, got ${JSON.stringify(value)}`)
}
