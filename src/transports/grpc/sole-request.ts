import { RpcError } from '../../error.ts'
import { Inbox, type Limits } from './inbox.ts'
import type { Room } from './room.ts'

/** What a {@link SoleRequest} needs of its call. */
export interface SoleRequestOwner {
  /** Of its method. */
  readonly path: string
  /** The answer is a stream. */
  readonly answersStream: boolean
  /** Lets so many more bytes come on the call's stream. */
  goOn(bytes: number): void
  /** Handles the message that the inbox has found. */
  handleFound(inbox: Inbox): void
  fail(thrown: unknown): void
}

/** How long the end of a request may follow its only message, where the answer is a stream, in milliseconds. */
const patience = 20

/** A request of one message that does not come in one frame. Its method is called when it has ended, as it may turn out to have more than one message. */
export class SoleRequest {
  readonly #owner: SoleRequestOwner
  readonly #inbox: Inbox
  /** The message has come, and lies in the inbox until the request has ended. */
  #whole = false
  #handled = false
  /** Bytes whose room in the stream's window has not been given back. */
  #withheld = 0
  #soon: NodeJS.Timeout | undefined

  constructor(owner: SoleRequestOwner, limits: Limits, encoding: string, room: Room) {
    this.#owner = owner
    this.#inbox = new Inbox(limits, encoding, room)
  }

  /** Adds bytes that came. */
  push(from: Buffer, start: number, end: number, ended: boolean): void {
    this.#withheld += end - start
    try {
      this.#inbox.push(from, start, end)
      // A message over the limit is found before it is there.
      if (!this.#whole) this.#whole = this.#inbox.next()
      if (this.#whole && this.#inbox.length > 0)
        throw new RpcError('unimplemented', `the request of ${this.#owner.path} has more than one message`)
      if (ended) this.#end()
      else this.#wait()
    } catch (thrown) {
      this.#owner.fail(thrown)
    }
  }

  #end(): void {
    if (this.#inbox.length > 0) throw new RpcError('internal', 'the request ended within its message')
    if (!this.#whole) throw new RpcError('unimplemented', `the request of ${this.#owner.path} has no message`)
    if (!this.#handled) this.#handle()
  }

  #wait(): void {
    if (this.#whole) this.#goOn()
    else this.#inbox.claim(() => this.#goOn())
    // go-micro's clients never end the request of a stream, so that its end is not waited for very long.
    if (this.#whole && this.#owner.answersStream) this.#soon ??= setTimeout(() => this.#handleNow(), patience)
  }

  #goOn(): void {
    this.#owner.goOn(this.#withheld)
    this.#withheld = 0
  }

  #handleNow(): void {
    try {
      this.#handle()
    } catch (thrown) {
      this.#owner.fail(thrown)
    }
  }

  #handle(): void {
    clearTimeout(this.#soon)
    this.#handled = true
    this.#owner.handleFound(this.#inbox)
  }

  /** Nobody waits for it any more. */
  clear(): void {
    this.#inbox.clear()
    clearTimeout(this.#soon)
  }
}
