import type { Clock } from '../clock.ts'
import { RpcError } from '../error.ts'
import type { Connection, Transport } from '../transport.ts'

/** The one connection of a client, to whichever of the addresses answers. */
export interface Link {
  /** For messages: `etcd at host:port,host:port`. */
  readonly name: string
  readonly addresses: readonly string[]
  /** The connection in use; dials when there is none. Throws `canceled` once closed. */
  current(): Connection
  /** It does not answer well: goes on to another address, where there is one. Calls under way have `drain` milliseconds to finish, by default 1000. */
  leave(connection: Connection, drain?: number): void
  /** It is dead, whatever it looks like: gives it up with all calls on it. */
  abandon(connection: Connection): void
  /** Resolves after `ms` milliseconds, or at once when a connection becomes ready: a fresh endpoint is tried without delay. */
  pause(ms: number): Promise<void>
  /** It is not for use any more. */
  readonly closed: boolean
  close(): Promise<void>
}

/** What a {@link Link} needs. */
export interface LinkOptions {
  readonly name: string
  readonly addresses: readonly string[]
  readonly transport: Transport
  readonly clock: Clock
  readonly random: () => number
}

/** Makes the link; nothing is dialled before it is needed. */
export function createLink(options: LinkOptions): Link {
  const { name, addresses, transport, clock } = options
  const waiting = new Set<() => void>()
  // Not always the first: a fleet is to spread over the members.
  let at = Math.floor(options.random() * addresses.length)
  let connection: Connection | undefined
  let closed = false

  function dial(): Connection {
    const dialled = transport.dial(addresses[at % addresses.length] ?? '', {
      onState(state) {
        if (state === 'ready') wake()
        else if (state === 'draining' || state === 'closed') forget(dialled)
      },
    })
    return dialled
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
    current() {
      if (closed) throw new RpcError('canceled', `${name}: the client is closed`, { unprocessed: true, outbound: true })
      connection ??= dial()
      return connection
    },
    leave(left, drain = 1000) {
      if (addresses.length > 1 && forget(left)) void left.close({ drain })
    },
    abandon(dead) {
      forget(dead)
      void dead.close()
    },
    pause(ms) {
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
    async close() {
      closed = true
      const last = connection
      connection = undefined
      await last?.close()
    },
  }
}
