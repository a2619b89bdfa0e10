import { checkNumber } from '../../check.ts'

/** Options of the mucp transport, for both sides. */
export interface MucpOptions {
  /** Bytes of the largest message that is taken. Default 4 MiB. */
  readonly maxReceiveBytes?: number | undefined
  /** Server: streams of one connection that its caller has not ended; more are refused. Default 100: go-micro's clients have one on each. */
  readonly maxConcurrentStreams?: number | undefined
  /** Server: connections at a time; more are closed at once. Default 10 000. */
  readonly server?: { readonly maxConnections?: number | undefined } | undefined
  /** Client: how long connecting may take, in milliseconds. Default 3000. */
  readonly connectTimeout?: number | undefined
  /** Client: sockets to one instance for unary calls, each of which has one for itself while it lasts; more calls wait. Default 100, as in go-micro. */
  readonly maxSockets?: number | undefined
  /**
   * Client: call with JSON also where messages are protobuf's. go-micro 2.9.1's servers, unlike those of 5.12.0, can tell neither
   * errors nor the end of a stream in protobuf, so that such a call lasts until its deadline. Default false.
   */
  readonly json?: boolean | undefined
}

/** {@link MucpOptions} with all defaults in place. */
export type Settings = { readonly [K in Exclude<keyof MucpOptions, 'server'>]-?: Exclude<MucpOptions[K], undefined> } & {
  readonly maxConnections: number
}

/** Checks options. Throws `invalid_argument` naming the option. */
export function toSettings(options: MucpOptions): Settings {
  const { maxReceiveBytes = 4_194_304, connectTimeout = 3000, maxSockets = 100, json = false, maxConcurrentStreams = 100 } = options
  const { maxConnections = 10_000 } = options.server ?? {}
  return {
    maxReceiveBytes: checkNumber('mucp: maxReceiveBytes', maxReceiveBytes, { min: 1, integer: true }),
    connectTimeout: checkNumber('mucp: connectTimeout (ms)', connectTimeout, { min: 1 }),
    maxSockets: checkNumber('mucp: maxSockets', maxSockets, { min: 1, integer: true }),
    maxConcurrentStreams: checkNumber('mucp: maxConcurrentStreams', maxConcurrentStreams, { min: 1, integer: true }),
    maxConnections: checkNumber('mucp: server.maxConnections', maxConnections, { min: 1, integer: true }),
    json,
  }
}
