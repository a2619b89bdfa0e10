import { type AddressInfo, createServer, type Socket } from 'node:net'
import { formatAddress, parseAddress } from '../../address.ts'
import { RpcError } from '../../error.ts'
import type { Listener, Routes } from '../../transport.ts'
import type { Settings } from './options.ts'
import { type ServerConnection, serveWire } from './server-connection.ts'
import { wireOf } from './wire.ts'

/** Callers may keep sockets that they have used; so long they have to close them when the server stops, in milliseconds. */
const linger = 250

/** Listens for mucp. Rejects naming the address. */
export async function listen(routes: Routes, address: string, settings: Settings): Promise<Listener> {
  const { host, port } = parseAddress(address)
  const open = new Map<Socket, ServerConnection>()
  let onIdle = (): void => {}
  let closing: Promise<void> | undefined

  const server = createServer((socket) => {
    const connection = serveWire(wireOf(socket, settings.maxReceiveBytes), routes, settings)
    open.set(socket, connection)
    socket.once('close', () => {
      open.delete(socket)
      if (open.size === 0) onIdle()
    })
    if (closing !== undefined) connection.drain()
  })
  server.maxConnections = settings.maxConnections
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) => reject(listenProblem(address, cause)))
    server.listen({ port, ...(host !== '' && { host }) }, resolve)
  })
  // Later errors are of single connections that could not be accepted.
  server.removeAllListeners('error').on('error', () => {})
  const { address: ip, port: taken } = server.address() as AddressInfo

  async function stop(grace: number): Promise<void> {
    server.close()
    const idle = new Promise<void>((resolve) => {
      onIdle = resolve
      if (open.size === 0) resolve()
    })
    const each = (what: (connection: ServerConnection) => void): void => {
      for (const connection of open.values()) what(connection)
    }
    if (grace <= 0) each((connection) => connection.destroy())
    each((connection) => connection.drain())
    // What has come meanwhile is read first, where this process was too busy to.
    const idlers = setTimeout(() => setImmediate(() => each((connection) => connection.leave())), linger)
    const over = setTimeout(() => each((connection) => connection.destroy()), Math.min(grace, 0x7fffffff))
    await idle
    clearTimeout(idlers)
    clearTimeout(over)
  }

  return {
    address: formatAddress(host === '' ? ip : host, taken),
    close({ grace = 0 } = {}) {
      closing ??= stop(grace)
      return closing
    },
  }
}

function listenProblem(address: string, cause: NodeJS.ErrnoException): RpcError {
  if (cause.code === 'EADDRINUSE')
    return new RpcError('failed_precondition', `${address} is in use: stop what listens there, or take another port (0 takes a free one)`, {
      cause,
    })
  if (cause.code === 'EACCES')
    return new RpcError('permission_denied', `${address}: not allowed to listen there; ports below 1024 need a privilege`, { cause })
  return new RpcError('unavailable', `cannot listen on ${address}: ${cause.message}`, { cause })
}
