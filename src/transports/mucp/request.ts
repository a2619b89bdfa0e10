import { alarm, systemClock } from '../../clock.ts'
import { type Context, timeLeft } from '../../endpoint.ts'
import { type Code, RpcError } from '../../error.ts'
import type { CallHost } from './client-connection.ts'
import { typeOf } from './codecs.ts'
import { fieldOf, type HttpMessage } from './http1.ts'
import { writeMetadata } from './metadata.ts'

/** First line and fields of a call's requests. go-micro looks at the fields only; by the path our server finds contracts of the same short name. */
export function requestOf(
  { host, codecsOf }: CallHost,
  { method, headers, instance, deadline }: Context,
  id: string,
  stream: boolean,
): Request {
  const { input, output } = codecsOf(method)
  const endpoint = `${method.service.slice(method.service.lastIndexOf('.') + 1)}.${method.name}`
  const fields = ['Host', host, 'Content-Type', typeOf(input), 'Accept', typeOf(output)]
  fields.push('Micro-Service', instance?.service ?? method.service, 'Micro-Endpoint', endpoint, 'Micro-Method', endpoint, 'Micro-Id', id)
  // go-micro 5 does not find Micro-Id and would take a call for one more request of the call before; this it finds.
  fields.push(stream ? 'Micro-Stream' : 'X-Micro-Stream', id)
  if (deadline !== undefined) {
    const left = timeLeft({ deadline } as Context)
    if (Number.isFinite(left)) fields.push('Timeout', String(Math.max(1, Math.round(left)) * 1_000_000))
  }
  writeMetadata(headers, fields)
  return { start: `POST ${method.path} HTTP/1.1`, fields }
}

/** First line and fields. */
export type Request = Pick<HttpMessage, 'start' | 'fields'>

/** What answers mean that are not mucp's. */
const codes: Readonly<Record<number, Code>> = { 431: 'resource_exhausted', 502: 'unavailable', 503: 'unavailable', 504: 'unavailable' }

/** Whether the peer will answer nothing more on the socket. */
export function isLast(message: HttpMessage): boolean {
  return fieldOf(message, 'connection')?.toLowerCase() === 'close'
}

/** What is wrong with an answer before it is looked into; undefined for nothing. */
export function refusal({ start, body, tooLarge }: HttpMessage, { method }: Context, limit: number): RpcError | undefined {
  const status = Number(start.slice(9, 12))
  const options = { outbound: true }
  if (status !== 200) {
    const text = `${method.path} was not answered by mucp: HTTP status ${status} ${body.toString('utf8', 0, 200)}`.trim()
    return new RpcError(codes[status] ?? 'unknown', text, options)
  }
  if (tooLarge === undefined) return undefined
  return new RpcError('resource_exhausted', `answer of ${tooLarge} bytes is over the limit of ${limit} (maxReceiveBytes)`, options)
}

/** Calls back at the context's deadline or when its signal is aborted, whichever is first; returns how to call it off. */
export function onGivenUp(context: Context, giveUp: (error: RpcError) => void): () => void {
  const { signal, method } = context
  return alarm(systemClock, timeLeft(context), { signal }, (reason) => {
    if (reason === undefined) giveUp(new RpcError('deadline_exceeded', `no answer from ${method.path} by the deadline`, { outbound: true }))
    else giveUp(new RpcError(reason.code, reason.rawMessage, { cause: reason.cause, outbound: true }))
  })
}

/** Throws where the call has ended before it began. */
export function checkBegun({ signal, method, deadline }: Context): void {
  const options = { outbound: true, unprocessed: true }
  if (signal?.aborted) {
    const { code, rawMessage, cause } = RpcError.from(signal.reason, 'canceled')
    throw new RpcError(code, rawMessage, { ...options, cause })
  }
  if (deadline !== undefined && deadline <= performance.now())
    throw new RpcError('deadline_exceeded', `the deadline of ${method.path} has passed`, options)
}

/** A message in its bytes. Throws `invalid_argument` where it is none. */
export function encode({ codecsOf }: CallHost, { method }: Context, message: unknown): Uint8Array {
  try {
    return codecsOf(method).input.encode(message as never)
  } catch (thrown) {
    const { code, rawMessage, details } = RpcError.from(thrown, 'internal')
    throw new RpcError(code, rawMessage, { details, cause: thrown, outbound: true })
  }
}

/** The message of an answer. Throws `internal` where it cannot be read. */
export function decode({ codecsOf }: CallHost, { method }: Context, body: Uint8Array): unknown {
  try {
    return codecsOf(method).output.decode(body)
  } catch (thrown) {
    const { rawMessage } = RpcError.from(thrown)
    throw new RpcError('internal', `answer of ${method.path} cannot be read: ${rawMessage}`, { cause: thrown, outbound: true })
  }
}
