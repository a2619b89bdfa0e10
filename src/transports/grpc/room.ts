import { RpcError } from '../../error.ts'

/** A connection has as much of a {@link Pool} in any case, so that small calls get through whatever others hold. */
const least = 65_536

/** What the connections of a server hold together. */
export class Pool {
  used = 0
  readonly #size: number

  constructor(size: number) {
    this.#size = size
  }

  /** What one connection may hold: as much as is left, so that however many want all they can get, another one gets as much as each of them. */
  get share(): number {
    return Math.max(least, this.#size - this.used)
  }
}

/** What is wrong when a message does not fit into the {@link Pool}. */
export function noRoom(): RpcError {
  return new RpcError(
    'resource_exhausted',
    'messages under way on all connections leave no room for another one (server.maxTotalBufferBytes)',
  )
}

interface Waiting {
  readonly bytes: number
  readonly then: () => void
}

/**
 * What the messages of one connection take together while they are not whole, or nobody has read them. A little of each may come as it likes. A large one
 * comes on when there is room for all of it, so that it is sure to become whole.
 */
export class Room {
  /** Bytes that may come as they like. */
  readonly #size: number
  /** Bytes of messages that room is reserved for before they come; a single one may be larger. */
  readonly #most: number
  readonly #pool: Pool
  #used = 0
  #reserved = 0
  readonly #waiting = new Set<Waiting>()

  constructor(size: number, most: number, pool: Pool) {
    this.#size = size
    this.#most = most
    this.#pool = pool
  }

  /** Throws `resource_exhausted` when there is not so much left. */
  take(bytes: number): void {
    if (this.#used + bytes > Math.min(this.#size, this.#pool.share)) throw this.#full(this.#size)
    this.#used += bytes
    this.#pool.used += bytes
  }

  /** Takes what is there already. Throws `resource_exhausted` when there was nothing left before. */
  add(bytes: number): void {
    if (this.#used >= Math.min(this.#size, this.#pool.share)) throw this.#full(this.#size)
    this.#used += bytes
    this.#pool.used += bytes
  }

  give(bytes: number): void {
    this.#used -= bytes
    this.#pool.used -= bytes
  }

  /**
   * Reserves room for a whole message and calls `then`, now or when those before it are gone; what is returned gives it back, or leaves the queue.
   * Throws `resource_exhausted` when other connections hold too much.
   */
  reserve(bytes: number, then: () => void): () => void {
    if (bytes > this.#pool.share) throw this.#full(this.#most)
    const one = { bytes, then }
    this.#waiting.add(one)
    this.#next()
    return () => {
      if (this.#waiting.delete(one)) return
      this.#reserved -= bytes
      this.#pool.used -= bytes
      this.#next()
    }
  }

  #next(): void {
    for (const one of this.#waiting) {
      if (this.#reserved > 0 && this.#reserved + one.bytes > Math.min(this.#most, this.#pool.share)) return
      this.#waiting.delete(one)
      this.#reserved += one.bytes
      this.#pool.used += one.bytes
      one.then()
    }
  }

  #full(size: number): RpcError {
    if (this.#pool.share < size) return noRoom()
    return new RpcError('resource_exhausted', `messages under way on the connection are over ${size} bytes (server.maxBufferBytes)`)
  }
}

/** What one call takes of a {@link Room}. */
export class Share {
  readonly #room: Room
  #held = 0
  #taken = 0
  /** Of what is held, so much is in a place reserved for it. */
  claimed = 0
  #leave: (() => void) | undefined

  constructor(room: Room) {
    this.#room = room
  }

  /** It holds so many bytes now. Throws `resource_exhausted` when there is no room for more. */
  hold(bytes: number): void {
    const more = Math.max(0, bytes - this.claimed) - this.#taken
    if (more > 0) this.#room.take(more)
    else if (more < 0) this.#room.give(-more)
    this.#taken += more
    this.#held = bytes
  }

  /** It holds more, which is there already; see {@link Room.add}. */
  add(bytes: number): void {
    this.#room.add(bytes)
    this.#taken += bytes
    this.#held += bytes
  }

  /** Reserves room for a message of so many bytes, unless that has been asked for; calls `then` when there is. Throws like {@link Room.reserve}. */
  claim(bytes: number, then: () => void): void {
    if (this.claimed > 0) then()
    else
      this.#leave ??= this.#room.reserve(bytes, () => {
        this.claimed = bytes
        this.hold(this.#held)
        then()
      })
  }

  /** Of the message that room was reserved for nothing is left, and so many bytes of others. */
  end(bytes: number): void {
    this.claimed = 0
    this.hold(bytes)
    this.#leave?.()
    this.#leave = undefined
  }
}
