import type { DescMessage, DescMethodBiDiStreaming, MessageInitShape, MessageShape } from '@bufbuild/protobuf'
import { type Backoff, backoff } from '../backoff.ts'
import { RpcError } from '../error.ts'
import { Headers } from '../headers.ts'
import type { Connection } from '../transport.ts'
import { type Caller, methodOf } from './caller.ts'
import { createQueue, type Queue } from './queue.ts'

/** A bidirectional stream that is opened again, on whatever endpoint answers, for as long as it is wanted. */
export interface LastingStream<I extends DescMessage> {
  /** Opens it, if it is not wanted already. It does not keep the process alive. */
  start(): void
  /** Dropped while the stream is down: `onOpen` says everything that the peer must know. */
  send(request: MessageInitShape<I>): void
  /** Ends it and opens it again. `stalled`: the whole connection is given up, not just the stream. */
  fail(error: RpcError, options?: { readonly stalled?: boolean }): void
  stop(): void
}

/** What happens on a {@link LastingStream}. */
export interface StreamListener<O extends DescMessage> {
  /** A new stream, on which nothing has been sent. */
  onOpen(): void
  /** How long it may take to open it anew on a connection that is ready, in milliseconds. Default: as long as the client's turn takes to come. */
  patience?(): number
  onMessage(message: MessageShape<O>): void
  /** It is being opened again; called once per break. */
  onBroken(error: RpcError): void
}

/** A stream that breaks sooner than this after its first message has not been well, in milliseconds. */
const settled = 1000

/** How much longer than an endpoint that is down one that refuses is left alone. */
const refused = 10

/**
 * The first tries after a break follow at once, one per endpoint, and one with a new token; then exponential backoff with full jitter, cut short
 * when any part of the client gets a connection. There is no fixed delay: etcd is asked again within a second of its return, when it is the
 * client's turn.
 */
export function createStream<I extends DescMessage, O extends DescMessage>(
  caller: Caller,
  method: DescMethodBiDiStreaming<I, O>,
  listener: StreamListener<O>,
): LastingStream<I> {
  const { link, auth } = caller
  let run: Run<MessageInitShape<I>> | undefined

  async function keepOpen(own: Run<MessageInitShape<I>>): Promise<void> {
    const wait = backoff({ base: 50, factor: 2, max: 500, jitter: 1, random: caller.random })
    let tries = 0
    while (run === own) {
      own.answeredAt = undefined
      const error = await open(own)
      if (run !== own || link.closed) return
      if (own.answeredAt !== undefined && caller.clock.now() - own.answeredAt >= settled) {
        tries = 0
        wait.reset()
        own.renewed = false
      }
      listener.onBroken(error)
      if (own.expired && !own.renewed) own.renewed = true
      else await pause(error, tries++, wait)
    }
  }

  async function open(own: Run<MessageInitShape<I>>): Promise<RpcError> {
    own.abort = new AbortController()
    own.failure = undefined
    own.connection = undefined
    let token: string | undefined
    try {
      await link.turn(listener.patience)
      token = await auth.token()
      if (run !== own) return new RpcError('canceled', 'stopped')
      own.requests = createQueue()
      own.connection = link.current()
      const headers = new Headers([['hasleader', 'true']])
      if (token !== undefined) headers.append('token', token)
      listener.onOpen()
      const context = { method: methodOf(method), headers, signal: own.abort.signal, background: true }
      const responses = (await own.connection.call(own.requests, context)) as AsyncIterable<MessageShape<O>>
      for await (const message of responses) {
        if (run !== own || own.failure !== undefined) break
        own.answeredAt ??= caller.clock.now()
        listener.onMessage(message)
      }
      throw new RpcError('unavailable', 'the stream was ended by etcd', { outbound: true })
    } catch (thrown) {
      const error = own.failure ?? RpcError.from(thrown)
      own.expired = auth.expired(error, token)
      if (!own.expired && error.code === 'unavailable' && own.connection !== undefined) link.leave(own.connection)
      return new RpcError(error.code, `${link.name}: ${error.rawMessage}`, { cause: error, outbound: true })
    } finally {
      own.requests?.end()
      own.requests = undefined
    }
  }

  async function pause(error: RpcError, tries: number, wait: Backoff): Promise<void> {
    if (error.code === 'unavailable') {
      if (tries >= link.addresses.length) await link.pause(wait.next())
    } else await link.pause(wait.next() * refused)
  }

  return {
    start() {
      if (run !== undefined) return
      run = {
        requests: undefined,
        abort: new AbortController(),
        connection: undefined,
        answeredAt: undefined,
        failure: undefined,
        expired: false,
        renewed: false,
      }
      void keepOpen(run)
    },
    send(request) {
      run?.requests?.push(request)
    },
    fail(error, { stalled = false } = {}) {
      if (run === undefined || run.failure !== undefined) return
      run.failure = error
      if (stalled && run.connection !== undefined) link.abandon(run.connection)
      run.abort.abort(error)
    },
    stop() {
      run?.requests?.end()
      run?.abort.abort(new RpcError('canceled', 'stopped'))
      run = undefined
    },
  }
}

/** One wish for the stream, from start to stop. */
interface Run<Req> {
  /** While the stream is open. */
  requests: Queue<Req> | undefined
  abort: AbortController
  connection: Connection | undefined
  /** When the first message came on the stream that is open. */
  answeredAt: number | undefined
  /** Why the stream is being given up by this side. */
  failure: RpcError | undefined
  /** It broke because etcd does not know the token any more. */
  expired: boolean
  /** It has been tried with a new token at once; only a stream that was well for a while earns that again. */
  renewed: boolean
}
