import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'

/** A TCP proxy that does to its connections what networks do. */
export interface Proxy extends AsyncDisposable {
  /** Where it listens: `127.0.0.1:port`. */
  readonly address: string
  /** Connections that are open through it. */
  readonly connections: number
  /** How many connections have been made through it. */
  readonly accepted: number
  /** Breaks every connection; `refuse` until told otherwise, or not. */
  cut(options?: { readonly refuse?: boolean }): void
  /**
   * Takes connections, and breaks each when so many bytes have come back on it; refuses when that has happened so many times. Resolves then.
   */
  breakAfter(bytes: number, times: number): Promise<void>
  /** Holds every byte back, both ways, without a word; what is held goes on with `heal`. New connections are taken and held as well. */
  hold(): void
  /** Swallows every byte, both ways, without a word: after `heal` the connections that were open are of no use. */
  blackHole(): void
  /** New connections, and those held, go through again. */
  heal(): void
  close(): Promise<void>
}

/** Starts a proxy before `target` (`host:port`) on a free port. */
export async function startProxy(target: string): Promise<Proxy> {
  const [host = '', port = ''] = target.split(':')
  const pairs = new Set<Pair>()
  let mode: 'through' | 'refuse' | 'hold' | 'swallow' = 'through'
  /** When connections break. */
  let breaking: { readonly bytes: number; left: number; done(): void } | undefined
  let accepted = 0

  const server = createServer((near) => {
    accepted += 1
    if (mode === 'refuse') {
      near.resetAndDestroy()
      return
    }
    const pair: Pair = { near, far: connect(Number(port), host), dead: mode === 'swallow', passed: 0 }
    pairs.add(pair)
    pass(pair, pair.near, pair.far)
    pass(pair, pair.far, pair.near)
    if (mode === 'hold') for (const socket of [pair.near, pair.far]) socket.pause()
  })

  function pass(pair: Pair, from: Socket, to: Socket): void {
    from.on('data', (bytes: Buffer) => {
      if (mode === 'swallow') pair.dead = true
      if (pair.dead) return
      if (from === pair.far) pair.passed += bytes.length
      if (breaking !== undefined && pair.passed > breaking.bytes) fall(pair, breaking, bytes)
      else to.write(bytes)
    })
    from.on('error', () => {})
    from.on('close', () => {
      pairs.delete(pair)
      to.destroy()
    })
  }

  /** What may still pass has passed when it breaks. */
  function fall(pair: Pair, at: NonNullable<typeof breaking>, last: Buffer): void {
    pair.dead = true
    pair.near.end(last.subarray(0, last.length - (pair.passed - at.bytes)))
    pair.far.destroy()
    at.left -= 1
    if (at.left > 0) return
    breaking = undefined
    cut({ refuse: true })
    at.done()
  }

  server.listen(0, '127.0.0.1')
  await once(server, 'listening')

  function cut({ refuse = false } = {}): void {
    if (refuse) mode = 'refuse'
    for (const { near, far } of pairs) {
      near.resetAndDestroy()
      far.destroy()
    }
  }

  async function close(): Promise<void> {
    const closed = once(server, 'close')
    server.close()
    cut()
    await closed
  }

  return {
    address: `127.0.0.1:${(server.address() as { port: number }).port}`,
    get connections() {
      return pairs.size
    },
    get accepted() {
      return accepted
    },
    cut,
    breakAfter(bytes, times) {
      mode = 'through'
      return new Promise((done) => {
        breaking = { bytes, left: times, done }
      })
    },
    hold() {
      mode = 'hold'
      for (const { near, far } of pairs) for (const socket of [near, far]) socket.pause()
    },
    blackHole() {
      mode = 'swallow'
      for (const pair of pairs) pair.dead = true
    },
    heal() {
      mode = 'through'
      for (const { near, far } of pairs) for (const socket of [near, far]) socket.resume()
    },
    close,
    [Symbol.asyncDispose]: close,
  }
}

interface Pair {
  readonly near: Socket
  readonly far: Socket
  /** Nothing passes any more, ever. */
  dead: boolean
  /** Bytes that have come back. */
  passed: number
}
