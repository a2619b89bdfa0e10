import type { Socket } from 'node:net'
import { RpcError } from '../../error.ts'
import { type HttpMessage, HttpReader, writeHttp } from './http1.ts'

/** A socket that carries messages of HTTP/1.1. */
export interface Wire {
  /** What is told of each message; it may be replaced. */
  onMessage: (message: HttpMessage) => void
  /** Called once, when the socket is closed, with why if it is known. */
  onGone: (error: Error | undefined) => void
  /** What comes cannot be read, and nothing more is. Closes the socket; it may be replaced. */
  onUnreadable: (error: RpcError) => void
  readonly socket: Socket
  /** Sends a message; a promise when the next one ought to wait. */
  send(start: string, fields: readonly string[], body: Uint8Array): Promise<void> | undefined
  /** Reads nothing more until there has been a {@link resume} for each of these. */
  pause(): void
  resume(): void
  /** Closes it after what was sent. */
  end(): void
  destroy(): void
}

/** Reads messages from a socket. `limit`: bytes of the largest body that is kept. */
export function wireOf(socket: Socket, limit: number): Wire {
  let error: Error | undefined
  let unreadable = false
  let room: (() => void) | undefined
  let waiting: Promise<void> | undefined
  let pauses = 0
  const reader = new HttpReader(limit, (message) => wire.onMessage(message))
  const wire: Wire = {
    onMessage: () => {},
    onGone: () => {},
    onUnreadable: () => void socket.destroy(),
    socket,
    send(start, fields, body) {
      if (socket.destroyed || socket.write(writeHttp(start, fields, body))) return undefined
      waiting ??= new Promise((resolve) => {
        room = resolve
      })
      return waiting
    },
    pause() {
      if (++pauses === 1) socket.pause()
    },
    resume() {
      if (--pauses === 0) socket.resume()
    },
    end: () => void socket.end(),
    destroy: () => void socket.destroy(),
  }
  const flow = (): void => {
    room?.()
    room = waiting = undefined
  }
  socket.setNoDelay(true).setKeepAlive(true, 60_000)
  socket.on('drain', flow)
  socket.on('data', (chunk: Buffer) => {
    if (unreadable) return
    try {
      reader.push(chunk)
    } catch (thrown) {
      unreadable = true
      const why = RpcError.from(thrown)
      error = why
      wire.onUnreadable(why)
    }
  })
  // The peer closes a connection as a whole.
  socket.on('end', () => socket.end())
  socket.on('error', (one: Error) => {
    error ??= one
  })
  socket.on('close', () => {
    flow()
    wire.onGone(error)
  })
  return wire
}
