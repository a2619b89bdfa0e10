import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { type Aging, Lifetime } from '../lifetime.ts'
import type { Settings } from '../options.ts'
import { type Pool, Room } from '../room.ts'

/** One HTTP/1.1 connection of a server: what is under way on it, and how long it lasts. */
export class Http1Connection implements Aging {
  begun = 0
  /** The next answer is its last one. Until then it stays, as a request may be on its way. */
  draining = false
  /** For the bodies of requests under way, and their answers. */
  readonly room: Room
  readonly #socket: Socket
  readonly #lifetime: Lifetime
  readonly #maxPipelined: number
  readonly #answers = new Set<ServerResponse>()

  constructor(socket: Socket, { server, maxReceiveBytes }: Settings, pool: Pool) {
    this.#socket = socket
    this.#maxPipelined = server.maxPipelined
    this.room = new Room(Math.max(server.maxBufferBytes, maxReceiveBytes), 0, pool)
    this.#lifetime = new Lifetime(server, this, undefined)
    socket.once('close', () => {
      this.#lifetime.end()
      // Node tells only the answer whose turn it is, and not those behind it.
      for (const answer of this.#answers) answer.destroy().emit('close')
    })
  }

  get calls(): number {
    return this.#answers.size
  }

  /** A request's headers have come; `false` when the client has to be left. */
  request(answer: ServerResponse): boolean {
    this.begun++
    this.#lifetime.begin()
    this.#answers.add(answer)
    answer.once('close', () => this.#answers.delete(answer))
    return this.calls <= this.#maxPipelined
  }

  /** Nothing has moved for long. That is for handlers to take as they like, and not for clients. */
  stalled(): void {
    if (this.calls === 0 || this.#socket.writableLength > 0) this.#socket.destroy()
  }

  drain(): void {
    this.draining = true
  }

  destroy(): void {
    this.#socket.destroy()
  }
}
