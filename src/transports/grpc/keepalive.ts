import type { Settings } from './options.ts'

/** What {@link Keepalive} asks. */
export interface Asked {
  /** When something was last heard from it, on `performance.now()`'s clock. */
  readonly heard: number
  ping(onPong: () => void): void
}

/** Asks a silent peer for a sign of life while there are calls. See gRFC A8. Its timers do not keep the process alive. */
export class Keepalive {
  readonly #options: NonNullable<Settings['keepalive']>
  readonly #peer: Asked
  readonly #onDead: () => void
  #interval: number
  #watching = false
  /** For the next check; it is left to fire, as taking it back after every call would cost more than the rest of it. */
  #next: NodeJS.Timeout | undefined
  /** While a PING is not answered: when to give the peer up. */
  #last: NodeJS.Timeout | undefined
  /** The last answer to a PING: whether anything else was heard since tells if asking less often is enough. */
  #ponged = 0

  constructor(options: NonNullable<Settings['keepalive']>, peer: Asked, onDead: () => void) {
    this.#options = options
    this.#peer = peer
    this.#onDead = onDead
    this.#interval = options.interval
  }

  /** There are calls. */
  watch(): void {
    this.#watching = true
    if (this.#last === undefined) this.#next ??= setTimeout(() => this.#check(), this.#interval).unref()
  }

  /** There are none, so nothing needs to be known. */
  rest(): void {
    this.#watching = false
    clearTimeout(this.#last)
    this.#last = undefined
  }

  /** There will be none. */
  end(): void {
    this.rest()
    clearTimeout(this.#next)
  }

  #check(): void {
    this.#next = undefined
    if (!this.#watching) return
    const { heard } = this.#peer
    if (heard > this.#ponged + 1) this.#interval = this.#options.interval
    const left = heard + this.#interval - performance.now()
    if (left > 1) this.#next = setTimeout(() => this.#check(), left).unref()
    else this.#ask()
  }

  #ask(): void {
    const onDead = (): void => {
      if (this.#last === last) this.#onDead()
    }
    // What has come while this process stood still is read before.
    const last = setTimeout(() => setImmediate(onDead), this.#options.timeout).unref()
    this.#last = last
    this.#peer.ping(() => {
      this.#ponged = performance.now()
      this.#interval = Math.min(this.#interval * this.#options.growth, Math.max(480_000, this.#options.interval))
      if (this.#last !== last) return
      this.rest()
      this.watch()
    })
  }
}
