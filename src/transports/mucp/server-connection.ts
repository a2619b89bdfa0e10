import { peerAddress } from '../../address.ts'
import { RpcError } from '../../error.ts'
import type { Routes } from '../../transport.ts'
import { writeError } from './errors.ts'
import { fieldOf, type HttpMessage } from './http1.ts'
import type { Settings } from './options.ts'
import { type ServerCall, serveCall } from './server-call.ts'
import type { Wire } from './wire.ts'

/** One socket of a caller. */
export interface ServerConnection {
  /** Lets the calls end, then closes it; at once where there never was one, which tells callers of ours to go elsewhere. */
  drain(): void
  /** Closes it if it is idle. */
  leave(): void
  destroy(): void
}

const nothing = new Uint8Array(0)

/** So many unary calls may wait on one socket; no peer sends a second one before the first is answered. */
const most = 64

/** Fields of a request that its answers repeat. */
const repeated = ['Content-Type', 'Micro-Service', 'Micro-Endpoint', 'Micro-Method', 'Micro-Id', 'Micro-Stream']

/** Answers the calls that come in on a socket: streams by their number, all others one after the other. */
export function serveWire(wire: Wire, routes: Routes, settings: Settings): ServerConnection {
  const calls = new Set<ServerCall>()
  const streams = new Map<string, ServerCall>()
  const peer = peerAddress(wire.socket)
  /** The unary calls, one after the other. */
  let turn: Promise<void> = Promise.resolve()
  /** Unary calls that have not been answered. */
  let pending = 0
  let used = false
  let draining = false

  wire.onMessage = (message) => {
    used = true
    const came = performance.now()
    // X-Micro-Stream is what our unary calls tell go-micro.
    const id = fieldOf(message, 'micro-stream') || undefined
    const known = id === undefined ? undefined : streams.get(id)
    if (known !== undefined) {
      known.take(message, refusal(message, settings.maxReceiveBytes))
      forget(known, id)
    } else if (id === undefined) inTurn(message, came)
    // The end of a stream that has ended already says nothing new.
    else if (fieldOf(message, 'micro-error') === undefined) answer(message, id, came).catch(() => wire.destroy())
  }
  wire.onUnreadable = ({ code }) => {
    if (code !== 'resource_exhausted') wire.destroy()
    else {
      // As Go's servers have it.
      void wire.send('HTTP/1.1 431 Request Header Fields Too Large', ['Connection', 'close'], nothing)
      wire.end()
      // Reading on, and dropping it, lets the caller see the answer before a reset.
      setTimeout(() => wire.destroy(), 1000).unref()
    }
  }
  wire.onGone = (error) => {
    const gone = new RpcError('canceled', `the caller went away${error ? `: ${error.message}` : ''}`)
    for (const call of calls) call.abort(gone)
  }

  function crowded(): RpcError | undefined {
    const { maxConcurrentStreams: most } = settings
    if (streams.size < most) return undefined
    return new RpcError('resource_exhausted', `more than ${most} streams on one connection (maxConcurrentStreams)`)
  }

  /** Once both sides have ended a stream. Until then what its caller still sends is not the beginning of another one. */
  function forget(call: ServerCall, id: string | undefined): void {
    if (id !== undefined && call.ended && !calls.has(call)) streams.delete(id)
  }

  function inTurn(message: HttpMessage, came: number): void {
    if (++pending === most) wire.pause()
    turn = turn
      .then(() => answer(message, undefined, came))
      .catch(() => wire.destroy())
      .then(() => {
        if (pending-- === most) wire.resume()
      })
  }

  async function answer(message: HttpMessage, id: string | undefined, came: number): Promise<void> {
    if (wire.socket.destroyed) return
    const reply = replyTo(message, id)
    const refused = refusal(message, settings.maxReceiveBytes) ?? (id === undefined ? undefined : crowded())
    if (refused !== undefined) {
      void reply(['Micro-Error', writeError(microField(message, 'micro-service') ?? '', refused)], nothing, true)
      return
    }
    const path = pathOf(message)
    const route = routes(path)
    if (route === undefined || (route.method.kind === 'unary') !== (id === undefined)) {
      const why = route === undefined ? `unknown method ${path}` : `${path} is ${id === undefined ? 'a' : 'no'} stream`
      const error = new RpcError('unimplemented', why)
      void reply(['Micro-Error', writeError(microField(message, 'micro-service') ?? '', error)], nothing, true)
      return
    }
    const call = serveCall({ route, message, came, peer, wire, reply })
    calls.add(call)
    if (id !== undefined) streams.set(id, call)
    await call.done
    calls.delete(call)
    forget(call, id)
    if (draining && calls.size === 0) wire.end()
  }

  /** A reply to one message; the last one of a call tells that the connection is about to be closed, if it is. */
  function replyTo(message: HttpMessage, id: string | undefined) {
    const echoed = repeated.flatMap((name) => {
      const value = microField(message, name.toLowerCase())
      return value === undefined ? [] : [name, value]
    })
    return (fields: readonly string[], body: Uint8Array, last: boolean): Promise<void> | undefined => {
      const closing = last && draining && id === undefined ? ['Connection', 'close'] : []
      return wire.send('HTTP/1.1 200 OK', [...echoed, ...fields, ...closing], body)
    }
  }

  return {
    drain() {
      draining = true
      if (!used) wire.end()
    },
    leave() {
      if (calls.size === 0) wire.end()
    },
    destroy: () => wire.destroy(),
  }
}

/** Older peers put an `X-` before the names. */
function microField(message: HttpMessage, name: string): string | undefined {
  return fieldOf(message, name) || fieldOf(message, `x-${name}`) || undefined
}

/** The method that is called: by the path where callers of ours say it, else by the name that go-micro gives it. */
function pathOf(message: HttpMessage): string {
  const [, path = '/'] = message.start.split(' ')
  if (path !== '/') return path
  return `/${(microField(message, 'micro-endpoint') ?? microField(message, 'micro-method') ?? '').replace('.', '/')}`
}

function refusal(message: HttpMessage, limit: number): RpcError | undefined {
  if (message.tooLarge !== undefined)
    return new RpcError('resource_exhausted', `request of ${message.tooLarge} bytes is over the limit of ${limit} (maxReceiveBytes)`)
  if (!message.start.startsWith('POST ')) return new RpcError('unimplemented', 'calls are made with POST')
  if (fieldOf(message, 'micro-topic')) return new RpcError('unimplemented', 'this server takes no events')
  return undefined
}
