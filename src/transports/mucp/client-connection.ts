import type { Context } from '../../endpoint.ts'
import { RpcError } from '../../error.ts'
import type { Method } from '../../service.ts'
import { streamsRequest, streamsResponse } from '../../stream.ts'
import type { Connection, ConnectionState, DialOptions, MessageCodecs } from '../../transport.ts'
import { callStream } from './client-stream.ts'
import { callUnary } from './client-unary.ts'
import type { Settings } from './options.ts'
import { socketsTo } from './sockets.ts'
import type { Wire } from './wire.ts'

/** What a call needs of its connection. */
export interface CallHost {
  readonly address: string
  readonly host: string
  /** Bytes of the largest answer that is taken. */
  readonly limit: number
  /** How the messages of a method are written. */
  codecsOf(method: Method): MessageCodecs
  /** Unlike any other call's on this connection: go-micro takes two requests of one id for one. */
  nextId(): string
  /** A socket for one call, or for one stream. The caller has to {@link release} it. */
  acquire(streams: boolean): Promise<Wire>
  /** `reusable`: its call has come to its end. */
  release(wire: Wire, reusable: boolean): void
}

/**
 * Connects to one instance. One socket carries nothing: when the peer closes that, it is about to leave or has left, and no call
 * has to find that out. The others carry one call at a time, as mucp does not number its answers.
 */
export function connectTo(address: string, settings: Settings, { onState }: DialOptions): Connection {
  const sockets = socketsTo(address, settings)
  const idle: Wire[] = []
  const waiting: { resolve(wire: Wire): void; reject(error: RpcError): void }[] = []
  let state: ConnectionState = 'connecting'
  /** Sockets for unary calls, and calls of all kinds. */
  let open = 0
  let active = 0
  let ids = 0
  let onClosed = (): void => {}
  const closed = new Promise<void>((resolve) => {
    onClosed = resolve
  })

  const control = sockets.open()
  control.then(
    (wire) => {
      wire.onGone = (error) => drain(lost(error?.message ?? 'the peer closed it'))
      enter('ready')
    },
    (error: RpcError) => end(error),
  )

  function enter(next: ConnectionState, cause?: RpcError): void {
    if (state === next || state === 'closed') return
    state = next
    onState?.(next, cause)
  }

  function lost(why: string): RpcError {
    return new RpcError('unavailable', `connection to ${address} was lost: ${why}`, { outbound: true })
  }

  function drain(cause: RpcError): void {
    enter('draining', cause)
    for (const { reject } of waiting.splice(0)) reject(unsent())
    for (const wire of idle.splice(0)) wire.end()
    if (active === 0) end(cause)
  }

  function end(cause: RpcError): void {
    enter('closed', cause)
    sockets.destroy()
    onClosed()
  }

  function unsent(): RpcError {
    return new RpcError('unavailable', `connection to ${address} is ${state}`, { outbound: true, unprocessed: true })
  }

  async function acquire(streams: boolean): Promise<Wire> {
    await control
    if (state !== 'ready') throw unsent()
    if (streams) return sockets.open()
    const free = idle.pop()
    if (free !== undefined) return free
    if (open >= settings.maxSockets) return new Promise((resolve, reject) => waiting.push({ resolve, reject }))
    open++
    return sockets.open().then(
      (wire) => {
        wire.socket.once('close', () => gone(wire))
        return wire
      },
      (error) => {
        open--
        throw error
      },
    )
  }

  function codecsOf(method: Method): MessageCodecs {
    return (settings.json ? method.codecs?.json : undefined) ?? method
  }

  function gone(wire: Wire): void {
    open--
    const at = idle.indexOf(wire)
    if (at >= 0) idle.splice(at, 1)
    const next = waiting.shift()
    if (next !== undefined) acquire(false).then(next.resolve, next.reject)
  }

  function release(wire: Wire, reusable: boolean): void {
    wire.onMessage = () => wire.destroy()
    wire.onGone = () => {}
    if (!reusable) wire.destroy()
    else if (state !== 'ready') wire.end()
    else {
      const next = waiting.shift()
      if (next === undefined) idle.push(wire)
      else next.resolve(wire)
    }
  }

  const host: CallHost = {
    address,
    host: sockets.host,
    limit: settings.maxReceiveBytes,
    codecsOf,
    nextId: () => String(++ids),
    acquire,
    release,
  }

  async function call(request: unknown, context: Context): Promise<unknown> {
    active++
    const done = (): void => {
      active--
      if (active === 0 && state === 'draining') end(lost('it was drained'))
    }
    const { kind } = context.method
    if (streamsRequest(kind) || streamsResponse(kind)) return callStream(host, request, context, done)
    return callUnary(host, request, context).finally(done)
  }

  return {
    address,
    get state() {
      return state
    },
    call: call as Connection['call'],
    close({ drain: time = 0 } = {}) {
      if (state === 'closed') return closed
      const reason = new RpcError('canceled', `connection to ${address} was closed`)
      drain(reason)
      if (time <= 0) end(reason)
      else setTimeout(() => end(reason), Math.min(time, 0x7fffffff)).unref()
      return closed
    },
  }
}
