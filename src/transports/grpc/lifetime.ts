import { type Asked, Keepalive } from './keepalive.ts'
import type { ServerSettings } from './server-limits.ts'

/** What a {@link Lifetime} needs of its connection. */
export interface Aging {
  /** Calls under way. */
  readonly calls: number
  /** A number that changes with every new call. */
  readonly begun: number
  /** Takes no new calls, for a reason that the client is told. */
  drain(why: string): void
  /** Ends everything now. */
  destroy(why: string): void
}

/** Ends a server's connection when its client does not begin, calls nothing, says nothing, or is there for too long. Keeps no process alive. */
export class Lifetime {
  readonly #settings: ServerSettings
  readonly #connection: Aging
  readonly #keepalive: Keepalive | undefined
  readonly #timers: NodeJS.Timeout[] = []
  readonly #handshake: NodeJS.Timeout | undefined
  #began = false

  /** A `peer` is asked for signs of life, where its protocol has them. */
  constructor(settings: ServerSettings, connection: Aging, peer: Asked | undefined) {
    this.#settings = settings
    this.#connection = connection
    this.#handshake = this.#after(settings.handshakeTimeout, () => connection.destroy('settings_timeout'))
    if (settings.keepalive !== undefined && peer !== undefined)
      this.#keepalive = new Keepalive(settings.keepalive, peer, () => connection.destroy('ping_timeout'))
  }

  /** The client has begun. */
  begin(): void {
    if (this.#began) return
    this.#began = true
    clearTimeout(this.#handshake)
    this.#keepalive?.watch()
    const { maxAge, maxAgeGrace, random } = this.#settings
    this.#after(maxAge * (0.9 + 0.2 * random()), () => {
      this.#connection.drain('max_age')
      this.#after(maxAgeGrace, () => this.#connection.destroy('max_age'))
    })
    this.#watchIdle()
  }

  /** Looks twice in the time, since a timer for every call would cost more than the call. */
  #watchIdle(): void {
    const { idleTimeout } = this.#settings
    let { begun } = this.#connection
    let idle = 0
    if (idleTimeout === Number.POSITIVE_INFINITY) return
    const timer = setInterval(
      () => {
        const { calls, begun: now } = this.#connection
        idle = calls === 0 && begun === now ? idle + 1 : 0
        begun = now
        if (idle === 2) this.#connection.drain('max_idle')
      },
      Math.min(idleTimeout / 2, 0x7fffffff),
    ).unref()
    this.#timers.push(timer)
  }

  /** It is gone. */
  end(): void {
    for (const timer of this.#timers) clearTimeout(timer)
    this.#keepalive?.end()
  }

  #after(ms: number, then: () => void): NodeJS.Timeout | undefined {
    if (ms === Number.POSITIVE_INFINITY) return undefined
    const timer = setTimeout(then, Math.min(ms, 0x7fffffff)).unref()
    this.#timers.push(timer)
    return timer
  }
}
