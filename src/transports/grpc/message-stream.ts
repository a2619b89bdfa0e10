import { RpcError } from '../../error.ts'
import { Inbox, type Limits } from './inbox.ts'
import { burst } from './pump.ts'
import type { Room } from './room.ts'

/** What a {@link MessageStream} needs of the call it belongs to. */
export interface StreamOwner<T> {
  /** Its bytes lie in memory of their own, so a codec may keep what it is given. */
  decode(bytes: Uint8Array): T
  /** So many bytes need no room any more. */
  release(bytes: number): void
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
export class MessageStream<T> implements AsyncIterableIterator<T> {
  readonly #owner: StreamOwner<T>
  readonly #inbox: Inbox
  /** Of the bytes in the inbox, those that were released already: the beginning of a message that somebody waits for. */
  #released = 0
  #ended = false
  /** Messages taken in a row, and what waits for the rest of the process to have its turn after too many. */
  #taken = 0
  #pause: NodeJS.Immediate | undefined
  #error: RpcError | undefined
  readonly #waiting: Waiting<T>[] = []

  constructor(owner: StreamOwner<T>, limits: Limits, encoding: string, room?: Room) {
    this.#owner = owner
    this.#inbox = new Inbox(limits, encoding, room)
  }

  /** Adds bytes that came. */
  push(from: Buffer, start: number, end: number): void {
    try {
      this.#inbox.push(from, start, end)
    } catch (thrown) {
      // What did not find room is not in the inbox to be released from there.
      this.#owner.release(end - start)
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
    else this.#release(this.#inbox.length - this.#released, true)
  }

  /** Nothing more comes: for an error, the consumer gets it after what is there. */
  end(error?: RpcError): void {
    if (this.#ended) return
    this.#ended = true
    this.#error = error
    if (this.#pause === undefined) this.#finishAll()
  }

  /** Ends with an error at once, dropping what is there. */
  fail(error: RpcError): void {
    this.#drop()
    this.#resume()
    if (this.#ended && this.#error === undefined) this.#error = error
    this.end(error)
  }

  /** Gives back all room: whoever reads what is still there does so from this side's memory. */
  releaseAll(): void {
    this.#release(this.#inbox.length - this.#released, true)
  }

  next(): Promise<IteratorResult<T>> {
    return new Promise((resolve, reject) => {
      const one = { resolve, reject }
      if (++this.#taken % burst === 0) {
        this.#pause ??= setImmediate(() => {
          this.#pause = undefined
          this.#serve()
        })
      }
      const result = this.#waiting.length === 0 && this.#pause === undefined ? this.#take() : undefined
      if (result !== undefined) resolve(result)
      else if (this.#pause !== undefined) this.#waiting.push(one)
      else if (this.#ended) this.#finish(one)
      else {
        this.#waiting.push(one)
        this.#release(this.#inbox.length - this.#released, true)
      }
    })
  }

  return(): Promise<IteratorResult<T>> {
    const open = !this.#ended
    this.#drop()
    this.#resume()
    this.#error = undefined
    this.end()
    if (open) this.#owner.left()
    return Promise.resolve({ done: true, value: undefined })
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  #take(): IteratorResult<T> | undefined {
    try {
      const before = this.#inbox.length
      const bytes = this.#inbox.take()
      if (bytes === undefined) return undefined
      const value = this.#owner.decode(bytes)
      this.#release(before - this.#inbox.length, false)
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

  /** Releases bytes that are still in the inbox, or that were taken from it. */
  #release(bytes: number, stay: boolean): void {
    if (stay) {
      this.#released += bytes
      if (bytes > 0) this.#owner.release(bytes)
      return
    }
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
    const error =
      this.#error ?? (this.#inbox.length > 0 ? new RpcError('internal', 'stream ended within a message', { outbound: true }) : undefined)
    // The error is told once; whoever asks again has been told.
    this.#error = undefined
    this.#inbox.clear()
    if (error === undefined) one.resolve({ done: true, value: undefined })
    else one.reject(error)
  }
}
