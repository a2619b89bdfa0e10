import { RpcError } from '../../error.ts'

/** What the messages of one connection take together while they are not whole, or nobody has read them. */
export class Room {
  readonly #size: number
  #used = 0

  constructor(size: number) {
    this.#size = size
  }

  /** Throws `resource_exhausted` when there is not so much left. */
  take(bytes: number): void {
    if (this.#used + bytes > this.#size)
      throw new RpcError('resource_exhausted', `messages under way on the connection are over ${this.#size} bytes (server.maxBufferBytes)`)
    this.#used += bytes
  }

  give(bytes: number): void {
    this.#used -= bytes
  }
}

/** What one message takes of a {@link Room}. */
export class Share {
  readonly #room: Room
  #taken = 0

  constructor(room: Room) {
    this.#room = room
  }

  /** Throws `resource_exhausted` when there is not so much left. */
  take(bytes: number): void {
    this.#room.take(bytes)
    this.#taken += bytes
  }

  giveAll(): void {
    this.#room.give(this.#taken)
    this.#taken = 0
  }
}
