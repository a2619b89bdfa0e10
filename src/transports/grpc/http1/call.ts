import type { IncomingMessage, ServerResponse } from 'node:http'
import { peerAddress } from '../../../address.ts'
import { systemClock } from '../../../clock.ts'
import { timeLeft } from '../../../endpoint.ts'
import { RpcError, toReply } from '../../../error.ts'
import type { MessageCodecs, Route } from '../../../transport.ts'
import type { Settings } from '../options.ts'
import { encodeMessage } from '../outbox.ts'
import { codecsOf } from '../request-head.ts'
import { type Room, Share } from '../room.ts'
import { ServerContext } from '../server-context.ts'
import { errorReply, messageReply, type Reply, textReply } from './reply.ts'
import { bodyOf, messageOf, metadataOf, subtypeOf, timeoutOf } from './request.ts'

/** What may come over HTTP/1.1: `application/json` and `application/proto`. */
const subtypes: readonly string[] = ['json', 'proto']

/**
 * Answers a unary call as Connect's protocol has it, which plain JSON over HTTP is a part of. A `query` is that of a GET.
 * https://connectrpc.com/docs/protocol#unary-rpcs
 */
export async function callReply(
  route: Route,
  request: IncomingMessage,
  response: ServerResponse,
  settings: Settings,
  room: Room,
  query?: URLSearchParams,
): Promise<Reply> {
  const { method } = route
  if (method.kind !== 'unary') return refusal(`${method.path} is a stream, which needs gRPC over HTTP/2`)
  const subtype = query === undefined ? subtypeOf(request) : (query.get('encoding') ?? '')
  const codecs = subtypes.includes(subtype) ? codecsOf(route, subtype) : undefined
  if (codecs === undefined) return refusal(wrongType(route, request, query))

  let context: ServerContext | undefined
  const share = new Share(room)
  response.once('close', () => share.end(0))
  try {
    const version = query === undefined ? request.headers['connect-protocol-version'] : query.get('connect')?.slice(1)
    if (version !== undefined && version !== '1')
      throw new RpcError('invalid_argument', `Connect's protocol version ${version} is not supported`)
    const timeout = timeoutOf(request)
    const deadline = timeout === Number.POSITIVE_INFINITY ? undefined : performance.now() + timeout
    context = new ServerContext(method, deadline, peerAddress(request.socket), metadataOf(request))
    const body =
      query === undefined ? await bodyOf(request, settings.maxReceiveBytes, share) : await messageOf(query, settings.maxReceiveBytes)
    const message = await within(() => answer(route, codecs, body, context as ServerContext), context, response)
    const bytes = encodeMessage(codecs.output, message, settings.maxSendBytes)
    share.add(bytes.length)
    return messageReply(context, `application/${subtype}`, bytes)
  } catch (thrown) {
    return errorReply(toReply(thrown), context)
  }
}

async function answer(route: Route, codecs: MessageCodecs, body: Uint8Array, context: ServerContext): Promise<unknown> {
  return route.endpoint(codecs.input.decode(body), context)
}

/** What is answered before the deadline passes or the caller goes away; the handler hears of either, unless it has happened before. */
function within<T>(begin: () => Promise<T>, context: ServerContext, response: ServerResponse): Promise<T> {
  const left = timeLeft(context)
  const late = (): RpcError => new RpcError('deadline_exceeded', `deadline of ${context.method.path} passed`)
  const gone = (): RpcError => new RpcError('canceled', 'the caller went away')
  if (response.destroyed) throw gone()
  if (left === 0) throw late()
  return new Promise((resolve, reject) => {
    const fail = (error: RpcError): void => {
      context.abort(error)
      reject(error)
    }
    const callOff = left === Number.POSITIVE_INFINITY ? () => {} : systemClock.after(left, () => fail(late()))
    const onGone = (): void => fail(gone())
    response.once('close', onGone)
    begin()
      .then(resolve, reject)
      .finally(() => {
        callOff()
        response.off('close', onGone)
      })
  })
}

/** For what cannot be a unary call: 415, and what could be. */
function refusal(why: string): Reply {
  return textReply(415, why, 'accept-post', subtypes.map(typeOf).join(', '))
}

function wrongType(route: Route, { headers }: IncomingMessage, query: URLSearchParams | undefined): string {
  const types = subtypes.filter((one) => codecsOf(route, one) !== undefined).map(typeOf)
  const [name, said] = query === undefined ? ['content-type', headers['content-type']] : ['encoding', query.get('encoding')]
  return `${route.method.path} speaks ${types.join(' or ') || 'neither JSON nor protobuf'}; the request has ${said ? `${name} ${said}` : `no ${name}`}`
}

function typeOf(subtype: string): string {
  return `application/${subtype}`
}
