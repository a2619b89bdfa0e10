import { type Clock, sleep } from '../clock.ts'
import { RpcError } from '../error.ts'
import type { Connection, Transport } from '../transport.ts'

/** The one connection of a client, to whichever of the addresses answers. */
export interface Link {
  /** For messages: `etcd at host:port,host:port`. */
  readonly name: string
  readonly addresses: readonly string[]
  /** The connection in use; dials when there is none. Throws `canceled` once closed. */
  current(): Connection
  /**
   * Dials, if need be, and resolves when it is this client's turn: as soon as its first connection is ready; on one in place of a connection
   * that broke, at a random moment within `spread`, or within the `patience` that there is when it is ready. A server accepts connections
   * before it answers on them, so that all who wait for one are let in at the same moment. Rejects with why no address can be reached.
   */
  turn(patience?: () => number): Promise<void>
  /** It does not answer well: goes on to another address, where there is one. Calls under way have `drain` milliseconds to finish, by default 1000. */
  leave(connection: Connection, drain?: number): void
  /** It is dead, whatever it looks like: gives it up with all calls on it. */
  abandon(connection: Connection): void
  /** Resolves after `ms` milliseconds, or at once when a connection becomes ready, for a fresh endpoint is tried without delay, or when it is closed. */
  pause(ms: number): Promise<void>
  /** It is not for use any more. */
  readonly closed: boolean
  /** Called once it is closed; at once where it is already. Returns how to call that off. */
  onClosed(listener: (error: RpcError) => void): () => void
  close(): Promise<void>
}

/** What a {@link Link} needs. */
export interface LinkOptions {
  readonly name: string
  readonly addresses: readonly string[]
  readonly transport: Transport
  /** Milliseconds. */
  readonly spread: number
  readonly clock: Clock
  readonly random: () => number
}

/** Makes the link; nothing is dialled before it is needed. */
export function createLink(options: LinkOptions): Link {
  const { name, addresses, transport, spread, clock, random } = options
  const waiting = new Set<() => void>()
  const ending = new Set<(error: RpcError) => void>()
  // Not always the first: a fleet is to spread over the members.
  let at = Math.floor(random() * addresses.length)
  let connection: Connection | undefined
  /** When it is this client's turn on the connection; rejects with why there is none. */
  let due: Promise<number> = Promise.resolve(0)
  let dials = 0
  let met = false
  let closed = false

  function dial(): Connection {
    // Who has not found any address yet does not come back from anywhere.
    const wait = met || dials >= addresses.length ? random() * spread : 0
    let open = (_at: number): void => {}
    let fail = (_cause: unknown): void => {}
    dials += 1
    due = new Promise((resolve, reject) => {
      open = resolve
      fail = reject
    })
    due.catch(() => {})
    const dialled = transport.dial(addresses[at % addresses.length] ?? '', {
      onState(state, cause) {
        if (state === 'ready') {
          met = true
          open(clock.now() + wait)
          wake()
        } else if (state === 'draining' || state === 'closed') forget(dialled)
        if (state === 'closed') fail(cause)
      },
    })
    return dialled
  }

  function closedError(): RpcError {
    return new RpcError('canceled', `${name}: the client is closed`, { unprocessed: true, outbound: true })
  }

  function current(): Connection {
    if (closed) throw closedError()
    connection ??= dial()
    return connection
  }

  function forget(gone: Connection): boolean {
    if (connection !== gone) return false
    connection = undefined
    at += 1
    return true
  }

  function wake(): void {
    for (const resume of [...waiting]) resume()
  }

  return {
    name,
    addresses,
    current,
    async turn(patience = () => spread) {
      for (let left = addresses.length; ; left--) {
        current()
        try {
          const wait = (await due) - clock.now()
          if (wait > 0) await sleep(clock, Math.min(wait, patience()))
          return
        } catch (thrown) {
          if (left <= 1) throw thrown
        }
      }
    },
    leave(left, drain = 1000) {
      if (addresses.length > 1 && forget(left)) void left.close({ drain })
    },
    abandon(dead) {
      forget(dead)
      void dead.close()
    },
    pause(ms) {
      if (closed) return Promise.resolve()
      return new Promise((resolve) => {
        const resume = (): void => {
          waiting.delete(resume)
          callOff()
          resolve()
        }
        const callOff = clock.after(ms, resume)
        waiting.add(resume)
      })
    },
    get closed() {
      return closed
    },
    onClosed(listener) {
      if (closed) listener(closedError())
      else ending.add(listener)
      return () => void ending.delete(listener)
    },
    async close() {
      closed = true
      wake()
      for (const listener of [...ending]) listener(closedError())
      const last = connection
      connection = undefined
      await last?.close()
    },
  }
}
