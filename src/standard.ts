import type { Context } from './endpoint.ts'
import type { Service } from './service.ts'

/** `draining`: deregistered, finishing what is in flight. */
export type ServerState = 'new' | 'starting' | 'serving' | 'draining' | 'closed'

/** A server as the services that tell of it see it. */
export interface ServerView {
  /** Name under which it registers. */
  readonly name: string
  readonly state: ServerState
  /** All contracts it answers, these services' own included. */
  readonly services: readonly Service[]
  /** Aborted when callers have heard that the server goes, and connections are about to: what would last for ever has to end. */
  readonly stopping: AbortSignal
  /** Called on every change of state; returns what ends that. */
  onState(listener: (state: ServerState) => void): () => void
}

/** A contract and a handler per method of it. */
export interface Implementation {
  readonly service: Service
  readonly handlers: Readonly<Record<string, (request: never, context: Context) => unknown>>
}

/** Services that every server can have, such as health and reflection: made for one server when it starts, and not advertised. */
export interface StandardService {
  (server: ServerView): readonly Implementation[]
  /** Whether the server may be said to serve, as far as this service knows. Default: it may. */
  readonly serving?: () => boolean
}
