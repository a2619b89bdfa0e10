import { RpcError } from '../../error.ts'
import type { Sender } from '../../http2/sender.ts'
import { noRoom, type Pool } from './room.ts'

/** A call that may have to wait until its handler is called. */
export interface Gated {
  /** Calls the handler. */
  start(): void
  /** Gives the call up. */
  turnAway(): void
}

/** Calls that begin in one turn of the event loop while it is not known whether their answers find room. */
const perTurn = 16

/** Beyond so many times what should wait at most, answers fail. */
const tooMany = 4

/** How long a client that takes no answers may keep its new calls waiting, in milliseconds. */
const patience = 1000

/**
 * Lets the calls of a connection begin as long as its client takes the answers: what comes while too many of them wait to be sent has to wait too, and
 * is turned away if that lasts. So that answers which are ready at once are seen before many more are made, only a few calls begin in a turn, until
 * a turn has left nothing waiting.
 */
export class Gate {
  readonly #sender: Sender
  readonly #most: number
  readonly #pool: Pool
  readonly #waiting = new Set<Gated>()
  /** Bytes of answers that the pool knows of. */
  #counted = 0
  /** The last turn has left nothing waiting. */
  #light = false
  /** The client has taken nothing for so long that calls were turned away. */
  #stuck = false
  /** A call that waited has begun since the timer was set. */
  #moved = false
  #begun = 0
  #turn: NodeJS.Immediate | undefined
  #timer: NodeJS.Timeout | undefined

  constructor(sender: Sender, most: number, pool: Pool) {
    this.#sender = sender
    this.#most = most
    this.#pool = pool
    sender.onSent = () => this.#sent()
  }

  /** More answers wait than should. */
  get crowded(): boolean {
    const { queued } = this.#sender
    if (queued === 0 && this.#counted === 0) return false
    this.#count(queued)
    return queued > Math.min(this.#most, this.#pool.share)
  }

  /** Throws `resource_exhausted` when there is no place for an answer of so many bytes, 0 while it is not known how many, to wait in. */
  admit(bytes: number): void {
    const { queued } = this.#sender
    this.#count(queued)
    if (queued + bytes > this.#pool.share) throw noRoom()
    if (queued > tooMany * this.#most)
      throw new RpcError('resource_exhausted', `caller reads too slowly: ${queued} bytes wait (server.maxBufferBytes)`)
  }

  /** Whether a call may begin now; else it is for {@link Gate.wait}. */
  passes(): boolean {
    if (this.#waiting.size > 0 || this.crowded) return false
    return this.#light || this.#mayBegin()
  }

  /** Keeps a call until it may begin. */
  wait(call: Gated): void {
    if (this.#stuck) {
      call.turnAway()
      return
    }
    this.#waiting.add(call)
    if (this.#timer === undefined) this.#watch()
    // Nothing may be on its way out that would tell.
    this.#nextTurn()
  }

  /** A call that waits is over. */
  forget(call: Gated): void {
    this.#waiting.delete(call)
  }

  /** An answer did not go out at once. */
  loaded(): void {
    this.#light = false
  }

  /** The connection is gone, and its calls are. */
  close(): void {
    this.#count(0)
    this.#sender.onSent = () => {}
    clearTimeout(this.#timer)
    clearImmediate(this.#turn)
  }

  #mayBegin(): boolean {
    if (this.#begun === perTurn) return false
    this.#begun++
    this.#nextTurn()
    return true
  }

  #nextTurn(): void {
    this.#turn ??= setImmediate(() => {
      this.#turn = undefined
      // Whether others wait says nothing: under load there are always some.
      this.#light = this.#begun > 0 && this.#sender.queued === 0
      this.#begun = 0
      for (const call of this.#waiting) {
        if (this.crowded || !(this.#light || this.#mayBegin())) return
        this.#moved = true
        this.#waiting.delete(call)
        call.start()
      }
    })
  }

  #sent(): void {
    this.#count(this.#sender.queued)
    this.#stuck = false
    if (this.#waiting.size > 0) this.#nextTurn()
  }

  #giveUp(): void {
    this.#timer = undefined
    if (this.#waiting.size === 0) return
    if (this.#moved) this.#watch()
    else {
      this.#stuck = true
      for (const call of this.#waiting) call.turnAway()
      this.#waiting.clear()
    }
  }

  #watch(): void {
    this.#moved = false
    this.#timer ??= setTimeout(() => this.#giveUp(), patience).unref()
  }

  #count(queued: number): void {
    this.#pool.used += queued - this.#counted
    this.#counted = queued
  }
}
