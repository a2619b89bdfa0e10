import { connect } from 'node:net'
import { formatAddress, parseAddress } from '../../address.ts'
import { RpcError } from '../../error.ts'
import type { Settings } from './options.ts'
import { type Wire, wireOf } from './wire.ts'

/** Opens a connection's sockets. */
export interface Sockets {
  /** What the requests have as `Host`. */
  readonly host: string
  /** Resolves when it is connected. Rejects with `unavailable`, naming the address. */
  open(): Promise<Wire>
  /** Destroys all that are open or being opened. */
  destroy(): void
}

/** Opens sockets to an address. Throws `invalid_argument` for one that cannot be read. */
export function socketsTo(address: string, { connectTimeout, maxReceiveBytes }: Settings): Sockets {
  const { host, port } = parseAddress(address)
  const target = host === '' ? 'localhost' : host
  const all = new Set<Wire>()

  function open(): Promise<Wire> {
    return new Promise((resolve, reject) => {
      const socket = connect({ host: target, port })
      const wire = wireOf(socket, maxReceiveBytes)
      const timer = setTimeout(() => socket.destroy(new Error(`not connected within ${connectTimeout} ms`)), connectTimeout)
      all.add(wire)
      // Not kept alive by what is idle; calls do that.
      socket.unref()
      socket.once('close', () => all.delete(wire))
      wire.onGone = (cause) => {
        clearTimeout(timer)
        const text = `cannot connect to ${address}: ${cause?.message ?? 'it was closed'}`
        reject(new RpcError('unavailable', text, { outbound: true, unprocessed: true, ...(cause && { cause }) }))
      }
      socket.once('connect', () => {
        clearTimeout(timer)
        wire.onGone = () => {}
        resolve(wire)
      })
      timer.unref()
    })
  }

  return {
    host: formatAddress(target, port),
    open,
    destroy() {
      for (const wire of all) wire.destroy()
    },
  }
}
