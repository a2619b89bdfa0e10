import { RpcError } from '../../error.ts'
import { Ending, leftEarly, type TellingStream } from '../../stream.ts'
import { Inbox, type Limits, messageEnd, prefixLength } from './inbox.ts'
import { burst } from './pump.ts'
import type { Room } from './room.ts'

/** What a {@link MessageStream} needs of the call it belongs to. */
export interface StreamOwner<T> {
  /** Decodes the message at `start` … `end`, whose bytes are only valid during the call unless they are its `own`. */
  decode(from: Buffer, start: number, end: number, own: boolean): T
  /** So many bytes need no room any more on the connection, and as many or `onStream` on the stream. */
  release(bytes: number, onStream?: number): void
  /** The consumer leaves before the end, or a message could not be read. */
  left(error?: RpcError): void
}

interface Waiting<T> {
  resolve(result: IteratorResult<T>): void
  reject(error: RpcError): void
}

/**
 * Messages that the peer sends, in the order of their arrival. What is not consumed keeps its room in the flow-control
 * window, so that the peer stops sending. It can be iterated once.
 */
export class MessageStream<T> implements AsyncIterableIterator<T>, TellingStream<T> {
  readonly #owner: StreamOwner<T>
  readonly #limits: Limits
  readonly #inbox: Inbox
  /** Of the bytes in the inbox, those that were released already: the beginning of a message that somebody waits for. */
  #released = 0
  /** Of these, what still holds the stream back, until there is room for its message. */
  #withheld = 0
  #ended = false
  /** Messages taken in a row, and what waits for the rest of the process to have its turn after too many. */
  #taken = 0
  #pause: NodeJS.Immediate | undefined
  #error: RpcError | undefined
  readonly #waiting: Waiting<T>[] = []
  readonly #ending = new Ending()

  constructor(owner: StreamOwner<T>, limits: Limits, encoding: string, room?: Room) {
    this.#owner = owner
    this.#limits = limits
    this.#inbox = new Inbox(limits, encoding, room)
  }

  /** Adds bytes that came. What somebody waits for is read where it lies. */
  push(from: Buffer, start: number, end: number): void {
    let at = start
    try {
      while (at < end && this.#waiting.length > 0 && this.#pause === undefined) {
        const stop = this.#inbox.length > 0 ? -1 : messageEnd(from, at, end, this.#limits)
        if (stop < 0) break
        const value = this.#owner.decode(from, at + prefixLength, stop, false)
        this.#owner.release(stop - at)
        at = stop
        this.#waiting.shift()?.resolve({ done: false, value })
      }
      // The rest of a large message on its own, so that its memory is too.
      const { missing } = this.#inbox
      if (this.#waiting.length > 0 && missing > 0 && missing < end - at) {
        this.#inbox.push(from, at, at + missing)
        at += missing
        this.#serve()
        if (this.#ended) {
          this.#owner.release(end - at)
          return
        }
      }
      this.#inbox.push(from, at, end)
    } catch (thrown) {
      // What did not find room is not in the inbox to be released from there.
      this.#owner.release(end - at)
      this.#lost(thrown)
      return
    }
    this.#serve()
  }

  /** Gives those that wait what is there. */
  #serve(): void {
    if (this.#pause !== undefined) return
    while (this.#waiting.length > 0) {
      const result = this.#take()
      if (result === undefined) break
      this.#waiting.shift()?.resolve(result)
    }
    if (this.#waiting.length === 0) return
    if (this.#ended) this.#finishAll()
    else this.#await()
  }

  /** Nothing more comes: for an error, the consumer gets it after what is there. */
  end(error?: RpcError): void {
    if (this.#ended) return
    this.#ended = true
    this.#error = error
    if (error !== undefined || this.#inbox.length === 0) this.#tell(error)
    if (this.#pause === undefined) this.#finishAll()
  }

  /** Ends with an error at once, dropping what is there. */
  fail(error: RpcError): void {
    this.#drop()
    this.#resume()
    if (this.#ended && this.#error === undefined) this.#error = error
    this.end(error)
    this.#tell(error)
  }

  /** Gives back all room: whoever reads what is still there does so from this side's memory. */
  releaseAll(): void {
    const bytes = this.#inbox.length - this.#released
    this.#released += bytes
    if (bytes > 0) this.#owner.release(bytes)
  }

  next(): Promise<IteratorResult<T>> {
    if (++this.#taken % burst === 0) this.#pause ??= setImmediate(() => this.#goOn())
    if (this.#pause === undefined && this.#waiting.length === 0) {
      const result = this.#take()
      if (result !== undefined) return Promise.resolve(result)
    }
    return new Promise((resolve, reject) => {
      const one = { resolve, reject }
      if (this.#pause === undefined && this.#ended) this.#finish(one)
      else {
        this.#waiting.push(one)
        if (this.#pause === undefined) this.#await()
      }
    })
  }

  #goOn(): void {
    this.#pause = undefined
    this.#serve()
  }

  /** Somebody waits, so that what is there of a message needs no room, lest the window be too small for the rest. */
  #await(): void {
    const bytes = this.#inbox.length - this.#released
    if (bytes > 0) this.#owner.release(bytes, 0)
    this.#released += bytes
    this.#withheld += bytes
    if (this.#withheld === 0) return
    try {
      this.#inbox.claim(() => {
        this.#owner.release(0, this.#withheld)
        this.#withheld = 0
      })
    } catch (thrown) {
      this.#lost(thrown)
    }
  }

  return(): Promise<IteratorResult<T>> {
    const open = !this.#ended
    this.#tell(leftEarly())
    this.#drop()
    this.#resume()
    this.end()
    if (open) this.#owner.left()
    // Who leaves does not ask why it ends.
    this.#error = undefined
    return Promise.resolve({ done: true, value: undefined })
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  tellEnd(callback: (error?: RpcError) => void): void {
    const thrown = this.#ending.ask(callback)
    this.#error ??= thrown
  }

  #tell(error: RpcError | undefined): void {
    const thrown = this.#ending.tell(error)
    this.#error ??= thrown
  }

  #take(): IteratorResult<T> | undefined {
    try {
      const inbox = this.#inbox
      const before = inbox.length
      if (!inbox.next()) return undefined
      const value = this.#owner.decode(inbox.from, inbox.start, inbox.end, inbox.own)
      this.#release(before - inbox.length)
      inbox.rest()
      return { done: false, value }
    } catch (thrown) {
      this.#lost(thrown)
      return undefined
    }
  }

  #lost(thrown: unknown): void {
    const error = RpcError.from(thrown)
    const open = !this.#ended
    this.fail(error)
    if (open) this.#owner.left(error)
  }

  /** Releases bytes that were taken from the inbox. */
  #release(bytes: number): void {
    const before = Math.min(bytes, this.#released)
    this.#released -= before
    if (bytes > before) this.#owner.release(bytes - before)
  }

  #drop(): void {
    this.releaseAll()
    this.#inbox.clear()
    this.#released = 0
  }

  #resume(): void {
    clearImmediate(this.#pause)
    this.#pause = undefined
    if (this.#ended) this.#finishAll()
  }

  #finishAll(): void {
    for (const one of this.#waiting.splice(0)) this.#finish(one)
  }

  #finish(one: Waiting<T>): void {
    if (this.#inbox.length > 0) this.#error ??= new RpcError('internal', 'stream ended within a message', { outbound: true })
    this.#inbox.clear()
    this.#tell(this.#error)
    const error = this.#error
    // The error is told once; whoever asks again has been told.
    this.#error = undefined
    if (error === undefined) one.resolve({ done: true, value: undefined })
    else one.reject(error)
  }
}
