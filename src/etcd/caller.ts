import type { DescMessage, DescMethodBiDiStreaming, DescMethodUnary, MessageInitShape, MessageShape } from '@bufbuild/protobuf'
import { checkNumber } from '../check.ts'
import { alarm, type Clock } from '../clock.ts'
import { protobufService } from '../codecs/protobuf.ts'
import type { Context } from '../endpoint.ts'
import { RpcError } from '../error.ts'
import { Headers } from '../headers.ts'
import type { Logger } from '../logger.ts'
import type { Method } from '../service.ts'
import type { Connection } from '../transport.ts'
import { type Auth, createAuth } from './auth.ts'
import type { Link } from './link.ts'

/** What a single call may bring along. */
export interface CallOptions {
  /** Milliseconds until the call must have ended, whatever it takes. Default: the client's `timeout`. */
  readonly timeout?: number | undefined
  readonly signal?: AbortSignal | undefined
}

/** What every part of the client works with. */
export interface Caller {
  readonly link: Link
  readonly auth: Auth
  readonly timeout: number
  /** How often a stream that says nothing is asked for a sign of life, and how long one may take, in milliseconds. */
  readonly keepalive: { readonly interval: number; readonly timeout: number }
  readonly clock: Clock
  readonly random: () => number
  readonly logger: Logger
  /** `repeatable`: doing it twice is the same as once, so it goes to another endpoint even where one may have processed it. */
  unary<I extends DescMessage, O extends DescMessage>(
    method: DescMethodUnary<I, O>,
    request: MessageInitShape<I>,
    options: CallOptions & { readonly repeatable: boolean },
  ): Promise<MessageShape<O>>
}

/** The parts of a {@link Caller} that are given. */
export type CallerOptions = Omit<Caller, 'unary' | 'auth'> & {
  readonly username: string | undefined
  /** Asks for a token with the given means to make a call without one. */
  readonly authenticate: (unary: Caller['unary']) => Promise<string>
}

/** Makes unary calls: with a token, with a deadline, on the endpoint that answers, with errors that name the endpoints. */
export function createCaller(options: CallerOptions): Caller {
  const { link, timeout, clock } = options
  let succeededAt = Number.NEGATIVE_INFINITY
  const auth = createAuth(options.username, () =>
    options.authenticate((method, request, rest) => send(request, contextOf(method, rest), rest.repeatable)),
  )

  function contextOf(method: DescMethodUnary, { timeout: ms = timeout, signal }: CallOptions): Context {
    if (!(ms >= 0)) checkNumber('timeout (ms)', ms, { min: 0 })
    return { method: methodOf(method), headers: new Headers(), signal, deadline: performance.now() + ms }
  }

  /** Once around the endpoints, and once more where the connection turned out to have gone stale. */
  async function send<O>(request: unknown, context: Context, repeatable: boolean): Promise<O> {
    const failures: RpcError[] = []
    for (let left = link.addresses.length; ; left--) {
      const connection = link.current()
      const stale = connection.state !== 'connecting'
      const callOff = leaveIfMute(connection, context)
      try {
        const answer = await connection.call(request, context)
        succeededAt = clock.now()
        return answer as O
      } catch (thrown) {
        const error = own(RpcError.from(thrown), context.signal)
        failures.push(error)
        if (error.code !== 'unavailable') throw named(link.name, [error])
        link.leave(connection)
        if (!(error.unprocessed || repeatable) || left - (stale ? 0 : 1) <= 0) throw named(link.name, failures)
      } finally {
        callOff()
      }
    }
  }

  /** Canceled by this side, or by one that is in no position to: etcd or a proxy that shuts down, or a connection that was given up. */
  function own(error: RpcError, signal: AbortSignal | undefined): RpcError {
    if (error.code !== 'canceled' || link.closed || signal?.aborted) return error
    return new RpcError('unavailable', error.rawMessage, { cause: error, unprocessed: error.unprocessed })
  }

  /** A token, unless the call ends before there is one: a password may be slow to come. */
  function tokenFor({ signal, deadline = 0 }: Context): Promise<string | undefined> {
    if (!auth.required) return auth.token()
    return new Promise((resolve, reject) => {
      const callOff = alarm(clock, deadline - performance.now(), { signal, keepAlive: true }, (reason) =>
        reject(reason ?? new RpcError('deadline_exceeded', `${link.name}: no token in time`, { outbound: true })),
      )
      auth.token().then(resolve, reject).finally(callOff)
    })
  }

  /**
   * Leaves an endpoint where no call succeeds for half of the time that this one has, early enough for another endpoint. Such a member
   * may answer pings all the while: its disk is stuck, or it has lost what it was told while a leader was elected.
   */
  function leaveIfMute(connection: Connection, { deadline = 0 }: Context): () => void {
    const sentAt = clock.now()
    const patience = Math.max(timeout, deadline - performance.now()) / 2
    return clock.after(patience, () => {
      if (succeededAt < sentAt) link.leave(connection, patience / 2)
    })
  }

  return {
    ...options,
    auth,
    async unary(method, request, rest) {
      const context = contextOf(method, rest)
      for (let renewed = false; ; renewed = true) {
        const token = await tokenFor(context)
        const headers = new Headers(token === undefined ? [] : [['token', token]])
        try {
          return await send(request, { ...context, headers }, rest.repeatable)
        } catch (thrown) {
          if (renewed || !auth.expired(RpcError.from(thrown), token)) throw thrown
        }
      }
    },
  }
}

/** The method as a transport takes it. */
export function methodOf(method: DescMethodUnary | DescMethodBiDiStreaming): Method {
  const found = protobufService(method.parent).methods[method.localName]
  if (found === undefined) throw new RpcError('internal', `${method.parent.typeName} has no ${method.localName}`)
  return found
}

/** The last of the failures, with the name of the client and the text of each. */
function named(name: string, failures: readonly RpcError[]): RpcError {
  const last = failures.at(-1) ?? new RpcError('internal', 'no failure')
  const texts = [...new Set(failures.map(({ rawMessage }) => rawMessage))]
  // etcd has more to do than it takes on; what it says so about is not begun.
  const busy = last.rawMessage.includes('too many requests')
  return new RpcError(busy ? 'unavailable' : last.code, `${name}: ${texts.join('; ')}`, {
    cause: last,
    details: last.details,
    metadata: last.metadata,
    unprocessed: busy || failures.every(({ unprocessed }) => unprocessed),
    outbound: true,
  })
}
