/**
 * A receiving flow-control window, of a stream or a connection. What has been received and not yet been released holds
 * the peer back; what has been released is given back in portions of half of what the peer can have left.
 */
export class ReceiveWindow {
  readonly size: number
  /** Received, and not yet given back to the peer. */
  #used = 0
  /** Of these, released. */
  #released = 0

  constructor(size: number) {
    this.size = size
  }

  /** Received and not released: what is buffered for the application. */
  get held(): number {
    return this.#used - this.#released
  }

  /** Counts flow-controlled bytes; false when the peer was not allowed to send them. */
  receive(bytes: number): boolean {
    this.#used += bytes
    return this.#used <= this.size
  }

  /** Counts bytes that need no room any more; returns the increment to send to the peer now, 0 for none yet. */
  release(bytes: number): number {
    this.#released += bytes
    const increment = this.#released
    // Half of what is not held, not of the whole: else the rest could never be given back while much is held.
    if (increment === 0 || increment * 2 < this.size - this.held) return 0
    this.#used -= increment
    this.#released = 0
    return increment
  }
}
