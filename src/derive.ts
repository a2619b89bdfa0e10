import type { Context } from './endpoint.ts'
import type { Headers } from './headers.ts'
import type { Instance } from './registry.ts'

/** What middleware may give a call in place of what its caller gave it. */
export interface ContextChanges {
  readonly headers?: Headers | undefined
  readonly signal?: AbortSignal | undefined
  /** On `performance.now()`'s clock, in milliseconds. Later than the former it would be a deadline that the caller has not given. */
  readonly deadline?: number | undefined
  /** Ids of instances to avoid, where there are others. */
  readonly tried?: readonly string[] | undefined
}

/**
 * The same call with something changed, for the endpoint further in. What is not changed, and `instance` which is
 * written on the way, stays that of `context`. A spread (`{ ...context }`) would lose what a context computes when it is first read, its headers too.
 */
export function derive(context: Context, changes: ContextChanges): Context {
  return new Derived(context, changes)
}

// A class, because it is made on every call: the accessors are shared.
class Derived implements Context {
  readonly method: Context['method']
  readonly deadline: number | undefined
  readonly tried: readonly string[] | undefined
  readonly #parent: Context
  readonly #changes: ContextChanges

  constructor(parent: Context, changes: ContextChanges) {
    this.method = parent.method
    this.deadline = changes.deadline ?? parent.deadline
    this.tried = changes.tried ?? parent.tried
    this.#parent = parent
    this.#changes = changes
  }

  get headers(): Headers {
    return this.#changes.headers ?? this.#parent.headers
  }
  get signal(): AbortSignal | undefined {
    return this.#changes.signal ?? this.#parent.signal
  }
  get onHeaders(): Context['onHeaders'] {
    return this.#parent.onHeaders
  }
  get onTrailers(): Context['onTrailers'] {
    return this.#parent.onTrailers
  }
  get background(): boolean | undefined {
    return this.#parent.background
  }
  get peer(): string | undefined {
    return this.#parent.peer
  }
  get replyHeaders(): Headers | undefined {
    return this.#parent.replyHeaders
  }
  get replyTrailers(): Headers | undefined {
    return this.#parent.replyTrailers
  }
  get instance(): Instance | undefined {
    return this.#parent.instance
  }
  set instance(instance: Instance | undefined) {
    this.#parent.instance = instance
  }
}
