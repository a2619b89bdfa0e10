/** Calls by stream id. Ids of a connection come in order, so an array by `id / 2` does for all but the few that last long. */
export class Ring<T extends { readonly id: number }> {
  size = 0
  #slots: (T | undefined)[] = new Array(64).fill(undefined)
  #mask = 63
  /** Calls that were in the way of later ones. */
  readonly #aside = new Map<number, T>()

  get(id: number): T | undefined {
    const call = this.#slots[(id >>> 1) & this.#mask]
    if (call !== undefined && call.id === id) return call
    return this.#aside.size === 0 ? undefined : this.#aside.get(id)
  }

  add(call: T): void {
    if (this.size * 2 > this.#mask) this.#grow()
    const slot = (call.id >>> 1) & this.#mask
    const before = this.#slots[slot]
    if (before !== undefined) this.#aside.set(before.id, before)
    this.#slots[slot] = call
    this.size++
  }

  delete(id: number): boolean {
    const slot = (id >>> 1) & this.#mask
    if (this.#slots[slot]?.id === id) this.#slots[slot] = undefined
    else if (!this.#aside.delete(id)) return false
    this.size--
    return true
  }

  /** All calls, in no order; a copy, so that they may end meanwhile. */
  all(): T[] {
    return [...this.#slots.filter((call) => call !== undefined), ...this.#aside.values()]
  }

  #grow(): void {
    const calls = this.#slots
    this.#mask = this.#mask * 2 + 1
    this.#slots = new Array(this.#mask + 1).fill(undefined)
    // Ids that differ by the old mask differ by the new one too.
    for (const call of calls) if (call !== undefined) this.#slots[(call.id >>> 1) & this.#mask] = call
  }
}
