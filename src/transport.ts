import type { Codec } from './codec.ts'
import type { Endpoint } from './endpoint.ts'
import type { RpcError } from './error.ts'
import type { Method } from './service.ts'

/** Moves requests between processes. */
export interface Transport {
  /** Name of the protocol, as in an instance's metadata: `grpc`. */
  readonly scheme: string
  /** Begins to connect and returns at once. Throws `invalid_argument` for an address it cannot read. */
  dial(address: string, options?: DialOptions): Connection
  /**
   * Resolves when listening. Rejects naming the address, when it is taken or not allowed. Endpoints get a context with headers, deadline, `peer`, a
   * signal that is aborted when the caller is gone, and reply headers and trailers; what they throw goes out as `toReply` makes it.
   */
  listen(routes: Routes, options: ListenOptions): Promise<Listener>
}

/** `connecting` → `ready` → `draining` (the peer asked for it; calls under way go on) → `closed`, for good. */
export type ConnectionState = 'connecting' | 'ready' | 'draining' | 'closed'

/** How to connect to one address. */
export interface DialOptions {
  /** Called on every change of state, never before `dial` has returned; `cause` tells why it drains or is closed. */
  readonly onState?: ((state: ConnectionState, cause?: RpcError) => void) | undefined
}

/** One connection to one instance, carrying any number of calls. It is made once and never reconnects. */
export interface Connection {
  readonly address: string
  readonly state: ConnectionState
  /**
   * Makes a call; `context.method` says which. While connecting, calls wait. It ends at the context's deadline, and when its signal is aborted. Rejects
   * with an RpcError that is `outbound`, and `unprocessed` where the peer certainly did not begin: such a call is sent elsewhere, whatever its method.
   */
  readonly call: Endpoint
  /** Ends it: takes no new calls, lets those under way finish for `drain` milliseconds (default 0). Idempotent. */
  close(options?: { readonly drain?: number }): Promise<void>
}

/** What answers a path: a method, its endpoint, and codecs for other content subtypes than the method's own. */
export interface Route {
  readonly method: Method
  readonly endpoint: Endpoint
  readonly codecs?: Readonly<Record<string, MessageCodecs>> | undefined
}

/** How the messages of a method are written in one content subtype. */
export interface MessageCodecs {
  readonly input: Codec
  readonly output: Codec
}

/** Finds what answers `/package.Service/Method`. */
export type Routes = (path: string) => Route | undefined

/** Where to listen. */
export interface ListenOptions {
  /** `host:port`; port 0 takes a free one, an empty host listens on all interfaces. */
  readonly address: string
  /** Whether the server takes calls, for those who ask. Default: it does until the listener is closed. */
  readonly serving?: (() => boolean) | undefined
}

/** A place where calls come in. */
export interface Listener {
  /** Where it listens, with the port that was taken. */
  readonly address: string
  /** Stops taking connections and calls, tells callers so (GOAWAY), and lets calls under way finish for `grace` milliseconds (default 0). Idempotent. */
  close(options?: { readonly grace?: number }): Promise<void>
}
