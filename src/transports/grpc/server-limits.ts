import type { GuardLimits } from '../../http2/guard.ts'
import { checkBoolean, checkCount, checkNumber } from './number.ts'

/**
 * How long a server keeps connections, and what it takes from their peers. Durations are in milliseconds; where nothing else is said, numbers
 * are 1 … 2^31 - 1. See docs/security.md.
 */
export interface ServerLimits {
  /** Connections at a time; more are closed at once. Default 10 000. */
  readonly maxConnections?: number | undefined
  /** How long TLS, the client's preface and its SETTINGS may take; over HTTP/1.1, TLS and the headers of each request. Default 10 000. */
  readonly handshakeTimeout?: number | undefined
  /** After this, ± 10 %, a connection takes no new calls, so that clients come back, perhaps elsewhere. Default: never. */
  readonly maxAge?: number | undefined
  /** How long the calls of a connection that is too old may go on. Default: until they end. */
  readonly maxAgeGrace?: number | undefined
  /** A connection without calls for this long, at most half as much again, is closed. Default: never; over HTTP/1.1, 60 000. */
  readonly idleTimeout?: number | undefined
  /** Ask silent clients for a sign of life: after `interval` (at least 1000, default 7 200 000), for `timeout` (default 20 000). `false` for never. */
  readonly keepalive?: { readonly interval?: number | undefined; readonly timeout?: number | undefined } | false | undefined
  /** Clients that send PINGs more often while nothing else happens are told `too_many_pings` and left, as gRFC A8 has it. Default 300 000; 0 for any. */
  readonly minPingInterval?: number | undefined
  /** Whether clients may do so without calls; else two hours should lie between PINGs. Default false. */
  readonly pingsWithoutCalls?: boolean | undefined
  /** Streams that a client may reset, or have reset for its errors, at once; a tenth of them comes back every second. Default 10 000. */
  readonly maxResets?: number | undefined
  /** Frames that bring nothing which a client may send at once; a tenth of them comes back every second. Default 1000. */
  readonly maxControlFrames?: number | undefined
  /**
   * Bytes that are held for one client: of answers that it does not take, beyond which its new calls wait for a second and are then refused, with
   * four times as many answers fail, and with as many in its socket it is left; and, beyond `connectionWindow`, of requests that have not come to their
   * end, where large ones wait for each other. At least 65 536. Default 16 MiB.
   */
  readonly maxBufferBytes?: number | undefined
  /**
   * Bytes that are held for all clients together; each may hold as much as is left of it, or 64 KiB. Messages that do not fit fail with
   * `resource_exhausted`. What a client's socket has been given, 320 KiB at most, comes on top. 65 536 … 2^53 - 1. Default 256 MiB.
   */
  readonly maxTotalBufferBytes?: number | undefined
  /** Frames that the headers of one call may come in, CONTINUATION among them. Default 64. */
  readonly maxHeaderFrames?: number | undefined
  /** Over HTTP/1.1: requests of one connection that are under way at a time; a client that sends more without waiting for answers is left. Default 32. */
  readonly maxPipelined?: number | undefined
  /** Over HTTP/1.1: how long a request may take to come, and a client may stand still while it is sent its answer. Default 60 000. */
  readonly requestTimeout?: number | undefined
  /** How often `tls`, where it is a function, is asked whether certificates have changed; new connections get the new ones. Default 60 000. */
  readonly tlsRefresh?: number | undefined
  /** Spreads ages. Default `Math.random`. */
  readonly random?: (() => number) | undefined
}

/** {@link ServerLimits} with all defaults in place. */
export interface ServerSettings extends Omit<GuardLimits, 'maxUnreadBytes'> {
  readonly maxConnections: number
  readonly handshakeTimeout: number
  readonly maxAge: number
  readonly maxAgeGrace: number
  readonly idleTimeout: number
  readonly keepalive: { readonly interval: number; readonly timeout: number; readonly growth: 1 } | undefined
  readonly maxBufferBytes: number
  readonly maxTotalBufferBytes: number
  readonly maxPipelined: number
  readonly requestTimeout: number
  readonly tlsRefresh: number
  readonly random: () => number
}

/** Checks limits. Throws `invalid_argument` naming the one that is wrong. */
export function toServerSettings(limits: ServerLimits): ServerSettings {
  const { keepalive = {} } = limits
  const ms = (name: keyof ServerLimits, otherwise: number, least: number): number =>
    checkNumber(`server.${name}`, (limits[name] as number | undefined) ?? otherwise, least, otherwise === never ? never : most)
  const count = (name: keyof ServerLimits, otherwise: number, least: number, largest: number = most): number =>
    checkCount(`server.${name}`, (limits[name] as number | undefined) ?? otherwise, least, largest)
  return {
    maxConnections: count('maxConnections', 10_000, 1),
    handshakeTimeout: ms('handshakeTimeout', 10_000, 1),
    maxAge: ms('maxAge', never, 1),
    maxAgeGrace: ms('maxAgeGrace', never, 0),
    idleTimeout: ms('idleTimeout', never, 1),
    keepalive:
      keepalive === false
        ? undefined
        : {
            interval: checkNumber('server.keepalive.interval', keepalive.interval ?? 7_200_000, 1000, most),
            timeout: checkNumber('server.keepalive.timeout', keepalive.timeout ?? 20_000, 1, most),
            growth: 1,
          },
    minPingInterval: ms('minPingInterval', 300_000, 0),
    pingsWithoutCalls: checkBoolean('server.pingsWithoutCalls', limits.pingsWithoutCalls ?? false),
    maxResets: count('maxResets', 10_000, 1),
    maxControlFrames: count('maxControlFrames', 1000, 1),
    maxHeaderFrames: count('maxHeaderFrames', 64, 1),
    maxBufferBytes: count('maxBufferBytes', 16_777_216, 65_536),
    maxTotalBufferBytes: count('maxTotalBufferBytes', 268_435_456, 65_536, Number.MAX_SAFE_INTEGER),
    maxPipelined: count('maxPipelined', 32, 1),
    requestTimeout: ms('requestTimeout', 60_000, 1),
    tlsRefresh: ms('tlsRefresh', 60_000, 1),
    random: limits.random ?? Math.random,
  }
}

const never = Number.POSITIVE_INFINITY
const most = 0x7fffffff
