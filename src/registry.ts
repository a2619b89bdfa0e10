import type { Instances } from './instances.ts'

/** One running copy of a service. Immutable: a change is a new object. */
export interface Instance {
  /** Unique among all instances; part of the key it is registered under. */
  readonly id: string
  /** Name that callers look for. */
  readonly service: string
  /** Where it listens: `host:port`, optionally with a scheme (`http://host:port`). */
  readonly address: string
  /** Whatever tells versions apart; go-micro's default is `latest`. */
  readonly version?: string
  /** Share of the load relative to other instances, > 0; 1 when absent. */
  readonly weight?: number
  /** Where it runs, for filters and balancers. */
  readonly zone?: string
  /** `protocol` says which transport it speaks: `grpc`, `mucp`. */
  readonly metadata?: Readonly<Record<string, string>>
  /** The methods it says it has; not every layout carries them. */
  readonly endpoints?: readonly EndpointInfo[]
}

/** A method as an instance advertises it, in go-micro's shape. */
export interface EndpointInfo {
  /** `Greeter.Hello` */
  readonly name: string
  readonly request?: ValueInfo
  readonly response?: ValueInfo
  readonly metadata?: Readonly<Record<string, string>>
}

/** The shape of a message as an instance advertises it: a tree of names and types. */
export interface ValueInfo {
  readonly name: string
  readonly type: string
  readonly values?: readonly ValueInfo[]
}

/**
 * `registered`: callers can see it. `healing`: its record went away, or must be assumed to have, and is being put back.
 * `lost`: the registry refuses to have it back (another process has taken the id, no permission); it is tried again, seldom.
 * `gone`: deregistered.
 */
export type RegistrationState = 'registered' | 'healing' | 'lost' | 'gone'

/** A promise kept until {@link deregister}: whatever removes the record, it is put back. */
export interface Registration {
  readonly instance: Instance
  readonly state: RegistrationState
  /** Replaces the record; id and service must stay the same (`invalid_argument` otherwise). */
  update(instance: Instance): Promise<void>
  /** Removes the record. Idempotent. */
  deregister(): Promise<void>
  /** Called on every change of {@link state}; returns how to stop. */
  onState(listener: (state: RegistrationState, cause?: Error) => void): () => void
}

/** The writing half of discovery. */
export interface Registrar {
  /** Resolves when callers can see the instance; rejects when the registry refuses or cannot be reached in time. */
  register(instance: Instance): Promise<Registration>
}

/** Gets whole sets, never deltas. */
export interface ResolverListener {
  /** Every instance there is now, ordered by id. Called once as soon as the set is known, then on every change, and when it is certain again after an error. */
  update(all: Instances): void
  /** The set may be stale; keep it. */
  error(error: Error): void
}

/** The reading half of discovery. */
export interface Resolver {
  /** For messages: what it is and where, as in `etcd at 127.0.0.1:2379`. */
  readonly name: string
  /** Any number of listeners share one watch. Returns how to stop. */
  watch(service: string, listener: ResolverListener): () => void
}

/** Both halves of discovery. */
export interface Registry extends Registrar, Resolver {
  /** Names of all services that have an instance, sorted. */
  services(): Promise<readonly string[]>
  /**
   * Deregisters what is registered, ends every watch and closes connections. Resolves in bounded time, whatever the registry answers: by etcd
   * within twice its `timeout`, and what could not be removed ends with its lease. Idempotent.
   */
  close(): Promise<void>
}
