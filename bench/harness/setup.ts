/** What a peer's process is started with, in its last argument as JSON. */
export interface Setup {
  /** Client: where its server is. */
  readonly address: string
  /** Client: where the registry is in which its server stands, if it stands in one. */
  readonly registry?: string | undefined
  /** Client: how many connections to spread calls over. */
  readonly connections: number
  /** Files to speak TLS with; plain text without. */
  readonly tls?: TlsFiles | undefined
}

/** Paths of PEM files: the authority's certificate, the server's, and its key. */
export interface TlsFiles {
  readonly ca: string
  readonly cert: string
  readonly key: string
}

/** A measurement that a client is asked for. */
export interface Load {
  /** `hello`: short unary calls. `echo`: unary calls of `bytes` each way. `expand`, `chat`: messages of streams. `mixed`: short calls beside streams of messages of `bytes` each way. */
  readonly kind: 'hello' | 'echo' | 'expand' | 'chat' | 'mixed'
  /** Calls, or streams, at a time. */
  readonly inFlight: number
  readonly bytes?: number | undefined
  readonly ms: number
}

/** What call.ts asks a peer's process for; each is answered with one {@link Report}. */
export type Order =
  | { readonly load: Load }
  /** Microseconds of processor time used so far. */
  | { readonly ask: 'cpu' }
  /** What is held, after collecting garbage. */
  | { readonly ask: 'memory' }
  /** Makes so many calls that are never answered. */
  | { readonly park: number }

/** What a client measured. */
export interface Measured {
  /** Calls or messages that ended. */
  readonly count: number
  readonly seconds: number
  readonly p50us: number
  readonly p99us: number
  readonly maxUs: number
  /** Processor time of the client in microseconds. */
  readonly cpuUs: number
  /** `mixed`: bytes streamed, one way. */
  readonly streamed?: number
}

/** Bytes that a process holds: on its heap and beside it, and resident. */
export interface Memory {
  readonly heap: number
  readonly rss: number
}

/** What a peer's process tells call.ts. */
export type Report =
  | { readonly address: string; readonly registry?: string | undefined }
  | { readonly absent: string }
  | { readonly ready: true }
  | { readonly measured: Measured }
  | { readonly cpu: number }
  | { readonly memory: Memory }
  | { readonly parked: number }
  | { readonly failure: string }
