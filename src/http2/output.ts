import type { Duplex } from 'node:stream'

/** Bytes of an output buffer: four of the largest frames of DATA, and small ones beside. */
export const capacity = 66_560

/**
 * In a tick, the first bytes are written when they are a quarter of what the last tick sent, so that the peer can begin while this side goes on
 * producing; then when they are four times as many, and so on. At least and at most so many are the first.
 */
const earliest = 256
const latest = 4096

/** With this many bytes not yet taken by the system, producers have to wait … */
const high = 262_144
/** … until it is down to this. */
const low = 65_536

/** So many buffers are kept for later, all connections together. */
const spare = 24

const none = Buffer.alloc(0)
const pool: Buffer[] = []

/** A buffer of {@link capacity} bytes, from the pool that all connections share. */
export function takeBuffer(): Buffer {
  return pool.pop() ?? Buffer.allocUnsafeSlow(capacity)
}

/** Gives a buffer back that nobody refers to any more. Those of another size are not kept. */
export function giveBuffer(buffer: Buffer): void {
  if (buffer.length === capacity && pool.length < spare) pool.push(buffer)
}

let waiting: Output[] = []

/** What is done then is done as by queueMicrotask, which makes an object for async_hooks each time. */
const now: Promise<void> = Promise.resolve()

// By way of a microtask, so that what asynchronous handlers resolve in this tick joins the batch.
function afterMicrotasks(): void {
  process.nextTick(flushAll)
}

function flushAll(): void {
  const outputs = waiting
  waiting = []
  for (const output of outputs) output.flush()
}

/**
 * What a connection sends, gathered so that there is one write per tick. To send n bytes, `reserve(n)`, write them into
 * `buffer` from the offset that returned, and set `length` to their end.
 */
export class Output {
  buffer: Buffer = none
  length = 0
  /** How many writes there have been: what was put into `buffer` since the last one has certainly not left. */
  writes = 0
  /** With this many bytes in `buffer` they are written before the tick is over. */
  early: number = latest
  /** The peer does not take what is sent: produce nothing that can wait until `onDrain`. */
  blocked = false
  /** Called when it is not blocked any more. */
  onDrain: () => void = () => {}
  readonly #socket: Duplex
  readonly #written: () => void
  /** Handed to the socket and not yet taken, oldest first: buffers and lengths in turn. */
  readonly #pending: (Buffer | number)[] = []
  #pendingBytes = 0
  #scheduled = false
  /** Bytes written in this tick. */
  #sent = 0
  #closed = false

  constructor(socket: Duplex) {
    this.#socket = socket
    this.#written = () => this.#onWritten()
  }

  /** Bytes that wait here and in the socket. */
  get waiting(): number {
    return this.length + this.#pendingBytes
  }

  /** Makes room for at most {@link capacity} bytes; returns where they go. */
  reserve(bytes: number): number {
    if (this.buffer === none) this.buffer = this.#take(bytes)
    else if (this.length + bytes > this.buffer.length || (this.length >= this.early && !this.blocked)) {
      this.#write()
      this.early *= 4
      this.buffer = this.#take(bytes)
    }
    if (!this.#scheduled) {
      this.#scheduled = true
      if (waiting.push(this) === 1) void now.then(afterMicrotasks)
    }
    return this.length
  }

  /** Writes what there is now. */
  flush(): void {
    this.#scheduled = false
    this.early = Math.min(latest, Math.max(earliest, (this.#sent + this.length) >>> 2))
    if (this.length > 0 && !this.blocked) this.#write()
    this.#sent = 0
  }

  /** Writes what there is, then ends the socket's writing half. */
  end(): void {
    if (this.#closed) return
    if (this.length > 0) this.#write()
    this.#closed = true
    this.#socket.end()
  }

  /** Drops what there is and takes nothing any more. */
  close(): void {
    this.#closed = true
    this.length = 0
    this.#give()
  }

  #write(): void {
    const { buffer, length } = this
    if (length === 0 || this.#closed) {
      this.length = 0
      this.#give()
      return
    }
    this.buffer = none
    this.length = 0
    this.writes++
    this.#sent += length
    this.#pendingBytes += length
    // Only by what is taken does it end: whoever waits is told then.
    if (this.#pendingBytes >= high) this.blocked = true
    this.#pending.push(buffer, length)
    this.#socket.write(buffer.subarray(0, length), this.#written)
  }

  /** Where many connections send in one tick, no more than what `bytes` and the next write take. */
  #take(bytes: number): Buffer {
    if (waiting.length < spare || this.blocked) return takeBuffer()
    return pool.pop() ?? Buffer.allocUnsafeSlow(Math.min(capacity, this.early + bytes))
  }

  #give(): void {
    if (this.buffer !== none) giveBuffer(this.buffer)
    this.buffer = none
  }

  #onWritten(): void {
    giveBuffer(this.#pending.shift() as Buffer)
    this.#pendingBytes -= this.#pending.shift() as number
    if (!this.blocked || this.#pendingBytes > low) return
    this.blocked = false
    if (this.#closed) return
    this.onDrain()
    this.flush()
  }
}
