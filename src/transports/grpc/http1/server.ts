import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { RpcError } from '../../../error.ts'
import type { Routes } from '../../../transport.ts'
import type { Settings } from '../options.ts'
import type { Pool } from '../room.ts'
import { callReply } from './call.ts'
import { Http1Connection } from './connection.ts'
import { corsFields, isPreflight, preflightReply } from './cors.ts'
import { errorReply, type Reply, textReply } from './reply.ts'

/** Answers HTTP/1.1 on sockets that somebody else has accepted. */
export interface Http1 {
  /** Takes over a socket from which `first` has been read already. */
  take(socket: Socket, first: Uint8Array): void
  /** Closes idle connections, and the others after the answers under way. */
  drain(): void
}

/**
 * HTTP/1.1 by Node's own server: JSON and Connect's unary protocol for the routes, and `/healthz`, which says whether `serving`.
 * https://connectrpc.com/docs/protocol
 */
export function http1Server(routes: Routes, settings: Settings, pool: Pool, serving: () => boolean): Http1 {
  const connections = new WeakMap<Socket, Http1Connection>()
  const { handshakeTimeout, requestTimeout, idleTimeout } = settings.server
  const whole = Math.ceil(requestTimeout)
  let draining = false
  const server = createServer(
    {
      maxHeaderSize: settings.maxHeaderBytes,
      headersTimeout: Math.min(Math.ceil(handshakeTimeout), whole),
      requestTimeout: whole,
      keepAliveTimeout: idleTimeout === Number.POSITIVE_INFINITY ? 60_000 : Math.min(Math.ceil(idleTimeout), 0x7fffffff),
      connectionsCheckingInterval: Math.min(2000, Math.ceil(Math.min(handshakeTimeout, requestTimeout) / 2)),
    },
    (request, response) => {
      const { socket } = request
      const connection = connections.get(socket) as Http1Connection
      if (connection.request(response)) answer(request, response, connection)
      else socket.destroy()
    },
  )
  // As many as HTTP/2's lists can have; Node drops the others without a word.
  server.maxHeadersCount = Math.floor(settings.maxHeaderBytes / 32)
  server.timeout = whole
  server.on('timeout', (socket) => connections.get(socket)?.stalled())
  // It never listens itself; but hearing that it does is when Node begins to look for requests that take too long.
  server.emit('listening')

  /** Whatever is wrong with an answer is told to who asked, and ends nothing else. */
  async function answer(request: IncomingMessage, response: ServerResponse, connection: Http1Connection): Promise<void> {
    try {
      send(await replyTo(request, response, connection), request, response, connection)
    } catch (thrown) {
      send(errorReply(RpcError.from(thrown, 'internal')), request, response, connection)
    }
  }

  async function replyTo(request: IncomingMessage, response: ServerResponse, { room }: Http1Connection): Promise<Reply> {
    const { method = '', url = '' } = request
    // A proxy may name the host in the target as well.
    const [path = '', search = ''] = url.replace(/^https?:\/\/[^/?]*/, '').split(/\?(.*)/s)
    if (settings.cors !== undefined && isPreflight(request)) return preflightReply(settings.cors, request)
    if (path === '/healthz' && (method === 'GET' || method === 'HEAD')) return health()
    const route = routes(path)
    if (route === undefined) return errorReply(new RpcError('unimplemented', `unknown method ${path}`), undefined, 404)
    if (method === 'POST') return callReply(route, request, response, settings, room)
    if (method === 'GET' && route.method.noSideEffects)
      return callReply(route, request, response, settings, room, new URLSearchParams(search))
    return textReply(405, `${path} is called by POST`, 'allow', route.method.noSideEffects ? 'GET, POST' : 'POST')
  }

  function health(): Reply {
    const up = serving() && !draining
    return textReply(up ? 200 : 503, up ? 'serving' : 'not serving', 'cache-control', 'no-store')
  }

  function send({ status, fields, body }: Reply, request: IncomingMessage, response: ServerResponse, connection: Http1Connection): void {
    if (response.destroyed) return
    const { cors } = settings
    const all = [...fields, ...(cors === undefined ? [] : corsFields(cors, request.headers.origin, fields))]
    if (status !== 204) all.push('content-length', String(Buffer.byteLength(body)))
    if (draining || connection.draining) all.push('connection', 'close')
    response.writeHead(status, all).end(body)
  }

  return {
    take(socket, first) {
      connections.set(socket, new Http1Connection(socket, settings, pool))
      server.emit('connection', socket)
      // Has Node hand what is read to its parser by this event. By itself the parser reads straight from the socket, and over TLS gets what follows in
      // the same packet even after it has paused for a client that is slow to take an answer: an error, which costs the connection.
      socket.on('data', () => {})
      socket.unshift(first)
    },
    drain() {
      draining = true
      // It has never listened; this closes what is idle, and ends the looking for slow requests.
      server.close()
    },
  }
}
