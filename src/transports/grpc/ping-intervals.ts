import type { Settings } from './options.ts'

type KeepaliveSettings = NonNullable<Settings['keepalive']>

/** Targets whose complaints are remembered; the oldest is forgotten for one more. */
const most = 1000

/**
 * When each target is asked for a sign of life: half as often after every connection that it has ended because of `too_many_pings`.
 * https://github.com/grpc/proposal/blob/master/A8-client-side-keepalive.md
 */
export class PingIntervals {
  readonly #usual: KeepaliveSettings | undefined
  readonly #slower = new Map<string, KeepaliveSettings>()

  constructor(usual: KeepaliveSettings | undefined) {
    this.#usual = usual
  }

  /** For the next connection to an address. */
  of(address: string): KeepaliveSettings | undefined {
    return this.#slower.get(address) ?? this.#usual
  }

  /** The server at an address has complained. */
  tooMany(address: string): void {
    const now = this.of(address)
    if (now === undefined) return
    this.#slower.delete(address)
    this.#slower.set(address, { ...now, interval: Math.min(2 * now.interval, 0x7fffffff) })
    if (this.#slower.size > most) this.#slower.delete(this.#slower.keys().next().value as string)
  }
}
