import * as net from 'node:net'
import * as tls from 'node:tls'
import { preface } from './frames.ts'
import { readInto } from './read-into.ts'

/** Where to connect to. */
export interface Target {
  readonly host: string
  readonly port: number
  /** Speak TLS with these options of node:tls. */
  readonly tls?: tls.ConnectionOptions | undefined
}

/** What happens to a socket. Chunks are only valid during the call. */
export interface SocketEvents {
  open(socket: net.Socket): void
  data(chunk: Buffer, length: number): void
  /** It is closed, for this reason if there is one. Called once. */
  gone(error: Error | undefined): void
}

/** Shared by all connections, as chunks are taken apart before the next one is read. */
const readBuffer = Buffer.allocUnsafeSlow(65_536)

/** Silence after which the system asks whether the other machine is still there, in milliseconds. */
const keepAliveInitialDelay = 60_000

/** Connects; over TLS the peer has to agree on `h2` by ALPN. */
export function connectSocket(target: Target, events: SocketEvents): net.Socket {
  const { host, port } = target
  let error: Error | undefined
  const socket = target.tls === undefined ? plain() : secure(target.tls)
  socket.on('error', (one) => {
    error ??= one
  })
  // No answer can come any more, so that there is nothing to wait for; what is not sent would be sent in vain.
  socket.on('end', () => socket.destroy())
  socket.on('close', () => events.gone(error))
  return socket

  function plain(): net.Socket {
    const one = net.connect({ host, port, noDelay: true, keepAlive: true, keepAliveInitialDelay, onread: reading() })
    return one.on('connect', () => events.open(one))
  }

  function reading(): net.OnReadOpts {
    return {
      buffer: readBuffer,
      callback(length) {
        events.data(readBuffer, length)
        return true
      },
    }
  }

  function secure(options: tls.ConnectionOptions): net.Socket {
    const named = net.isIP(host) === 0 ? { servername: host } : {}
    // As a variable, because node's types do not know that tls.connect takes `onread` like net.connect.
    const all = { ...named, ...options, host, port, ALPNProtocols: ['h2'], onread: reading() }
    const one = tls.connect(all)
    one.setNoDelay().setKeepAlive(true, keepAliveInitialDelay)
    return one.on('secureConnect', () => {
      if (one.alpnProtocol === 'h2') events.open(one)
      else one.destroy(new Error(`it did not agree on HTTP/2 (ALPN ${one.alpnProtocol || 'none'})`))
    })
  }
}

/** A server's socket that listens. */
export interface SocketListener {
  readonly address: net.AddressInfo
  /** New connections get these certificates, if it speaks TLS. */
  renew(options: tls.TlsOptions): void
  /** Takes no more connections; those there are stay. */
  close(): void
}

/** What a {@link SocketListener} takes. */
export interface ListenLimits {
  /** Connections at a time; more are closed at once. */
  readonly maxConnections: number
  /** How long TLS's handshake may take, in milliseconds. */
  readonly handshakeTimeout: number
}

/** Listens, and calls back for every connection; over TLS once the client has agreed on one of the `ALPNProtocols`. Rejects with node's error. */
export function listenSocket(
  host: string,
  port: number,
  options: tls.TlsOptions | undefined,
  { maxConnections, handshakeTimeout }: ListenLimits,
  accept: (socket: net.Socket) => void,
): Promise<SocketListener> {
  const server =
    options === undefined
      ? net.createServer({ noDelay: true, keepAlive: true, keepAliveInitialDelay }, accept)
      : tls.createServer({ ...options, handshakeTimeout, noDelay: true, keepAlive: true, keepAliveInitialDelay }, (socket) => {
          socket.on('error', () => {})
          if (socket.alpnProtocol) accept(socket)
          else socket.destroy()
        })
  // Node itself only tells of a handshake that takes too long.
  server.on('tlsClientError', (_, socket) => socket.destroy())
  server.maxConnections = maxConnections
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen({ port, ...(host !== '' && { host }) }, () => {
      server.removeListener('error', reject)
      // Later ones are of single connections that could not be accepted.
      server.on('error', () => {})
      resolve({
        address: server.address() as net.AddressInfo,
        renew: (renewed) => {
          if (server instanceof tls.Server) server.setSecureContext(renewed)
        },
        close: () => server.close(),
      })
    })
  })
}

const notHttp2 = `HTTP/1.1 505 HTTP Version Not Supported\r\ncontent-type: text/plain\r\nconnection: close\r\n\r\nThis port speaks gRPC over HTTP/2.\n`

/**
 * Waits for the client's preface, then hands over to what `open` returns. A client that speaks HTTP/1 is `other`'s, with what it has said; without
 * `other`, and whatever else it speaks, it is told and left; so is one that has not said what it speaks after `patience` milliseconds.
 */
export function acceptSocket(
  socket: net.Socket,
  open: () => Pick<SocketEvents, 'data' | 'gone'>,
  other: ((first: Uint8Array) => void) | undefined,
  patience: number,
): void {
  let taker: Pick<SocketEvents, 'data' | 'gone'> | undefined
  let seen = 0
  let error: Error | undefined
  // From the beginning, whatever trickles in meanwhile.
  const timer = setTimeout(() => socket.destroy(), patience).unref()
  socket.on('error', (one: Error) => {
    error ??= one
  })
  socket.on('close', () => {
    clearTimeout(timer)
    taker?.gone(error)
  })
  socket.on('data', read)

  function read(chunk: Buffer): void {
    if (taker !== undefined) {
      taker.data(chunk, chunk.length)
      return
    }
    const part = chunk.subarray(0, preface.length - seen)
    if (!part.equals(preface.subarray(seen, seen + part.length))) {
      if (!socket.writableEnded) refuse(Buffer.concat([preface.subarray(0, seen), chunk]))
      return
    }
    seen += part.length
    if (seen < preface.length) return
    clearTimeout(timer)
    const opened = open()
    taker = opened
    if (readInto(socket, readBuffer, (length) => opened.data(readBuffer, length))) socket.off('data', read)
    const rest = chunk.subarray(part.length)
    if (rest.length > 0) opened.data(rest, rest.length)
  }

  function refuse(first: Buffer): void {
    // A method, and the beginning of a target, as far as they have come.
    const http1 = /^[A-Z]+(?:$| (?:$|[/*a-z]))/.test(first.toString('latin1', 0, 16))
    if (http1 && other !== undefined) {
      clearTimeout(timer)
      socket.off('data', read)
      other(first)
    } else {
      if (http1) socket.write(notHttp2)
      socket.end()
    }
  }
}
