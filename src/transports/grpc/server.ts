import type { Socket } from 'node:net'
import { formatAddress, parseAddress } from '../../address.ts'
import { RpcError } from '../../error.ts'
import { ErrorCode, fault } from '../../http2/fault.ts'
import { acceptSocket, listenSocket, type SocketEvents, type SocketListener } from '../../http2/socket.ts'
import type { Listener, ListenOptions, Routes } from '../../transport.ts'
import { type Http1, http1Server } from './http1/server.ts'
import type { Settings } from './options.ts'
import { Pool } from './room.ts'
import { ServerConnection } from './server-connection.ts'
import { serverCertificates } from './server-tls.ts'

/** Listens for gRPC. Rejects naming the address. */
export async function listen(routes: Routes, { address, serving = () => true }: ListenOptions, settings: Settings): Promise<Listener> {
  const { host, port } = parseAddress(address)
  const tls = settings.tls && serverCertificates(settings.tls)
  const pool = new Pool(settings.server.maxTotalBufferBytes)
  /** Those whose client has not said what it speaks have no connection. */
  const sockets = new Map<Socket, Pick<ServerConnection, 'drain' | 'destroy'> | undefined>()
  /** Made for the first client that speaks it. */
  let http1: Http1 | undefined
  let onIdle: (() => void) | undefined
  let closing: Promise<void> | undefined

  let socketListener: SocketListener
  try {
    socketListener = await listenSocket(
      host,
      port,
      tls && { ...tls.options, ALPNProtocols: settings.http1 ? ['h2', 'http/1.1'] : ['h2'] },
      settings.server,
      accept,
    )
  } catch (cause) {
    throw listenProblem(address, cause as NodeJS.ErrnoException)
  }
  const { address: ip, port: taken } = socketListener.address

  function accept(socket: Socket): void {
    sockets.set(socket, undefined)
    socket.once('close', () => {
      sockets.delete(socket)
      if (sockets.size === 0) onIdle?.()
    })
    acceptSocket(socket, openHttp2, settings.http1 ? openHttp1 : undefined, settings.server.handshakeTimeout)

    function openHttp2(): Pick<SocketEvents, 'data' | 'gone'> {
      const connection = new ServerConnection(socket, routes, settings, pool)
      sockets.set(socket, connection)
      if (closing !== undefined) connection.drain()
      return {
        data: (chunk, length) => connection.http2.receive(chunk, 0, length),
        gone: (error) => connection.http2.close(fault(ErrorCode.noError, error?.message ?? 'the peer closed it', error)),
      }
    }

    function openHttp1(first: Uint8Array): void {
      sockets.set(socket, { drain() {}, destroy: () => socket.destroy() })
      http1 ??= http1Server(routes, settings, pool, serving)
      http1.take(socket, first)
    }
  }

  const unwatch = tls?.watch(settings.server.tlsRefresh, (options) => socketListener.renew(options))

  async function stop(grace: number): Promise<void> {
    unwatch?.()
    socketListener.close()
    http1?.drain()
    const idle = new Promise<void>((resolve) => {
      onIdle = resolve
      if (sockets.size === 0) resolve()
    })
    if (grace > 0) {
      for (const [socket, connection] of sockets) {
        if (connection === undefined) socket.destroy()
        else connection.drain()
      }
      const over = setTimeout(destroy, Math.min(grace, 0x7fffffff))
      await idle
      clearTimeout(over)
    } else {
      destroy()
      await idle
    }
  }

  function destroy(): void {
    for (const connection of sockets.values()) connection?.destroy()
    // What is left after its last words have gone out, or cannot go out.
    setTimeout(() => {
      for (const socket of sockets.keys()) socket.destroy()
    }, 100).unref()
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
  switch (cause.code) {
    case 'EADDRINUSE':
      return new RpcError(
        'failed_precondition',
        `${address} is in use: stop what listens there, or take another port (0 takes a free one)`,
        { cause },
      )
    case 'EACCES':
      return new RpcError('permission_denied', `${address}: not allowed to listen there; ports below 1024 need a privilege`, { cause })
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return new RpcError('invalid_argument', `${address}: is not an address of this machine`, { cause })
    default:
      return new RpcError('unavailable', `cannot listen on ${address}: ${cause.message}`, { cause })
  }
}
