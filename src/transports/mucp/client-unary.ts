import type { Context } from '../../endpoint.ts'
import { RpcError } from '../../error.ts'
import type { CallHost } from './client-connection.ts'
import { readError } from './errors.ts'
import { fieldOf, type HttpMessage } from './http1.ts'
import { readMetadata } from './metadata.ts'
import { checkBegun, decode, encode, isLast, onGivenUp, refusal, requestOf } from './request.ts'
import type { Wire } from './wire.ts'

/** Makes a call with one request and one answer. */
export async function callUnary(host: CallHost, message: unknown, context: Context): Promise<unknown> {
  checkBegun(context)
  const body = encode(host, context, message)
  const wire = await given(host, context)
  let answer: HttpMessage
  try {
    answer = await exchange(host, wire, body, context)
  } catch (thrown) {
    host.release(wire, false)
    throw thrown
  }
  host.release(wire, !isLast(answer))
  return read(host, answer, context)
}

/** A socket; where the caller does not wait for it to come, it goes back. */
export function given(host: CallHost, context: Context, streams = false): Promise<Wire> {
  return new Promise((resolve, reject) => {
    let over = false
    const callOff = onGivenUp(context, (error) => {
      over = true
      reject(new RpcError(error.code, error.rawMessage, { cause: error.cause, outbound: true, unprocessed: true }))
    })
    host.acquire(streams).then(
      (wire) => {
        callOff()
        if (over) host.release(wire, !streams)
        else resolve(wire)
      },
      (error: RpcError) => {
        callOff()
        reject(error)
      },
    )
  })
}

function exchange(host: CallHost, wire: Wire, body: Uint8Array, context: Context): Promise<HttpMessage> {
  const { start, fields } = requestOf(host, context, host.nextId(), false)
  return new Promise<HttpMessage>((resolve, reject) => {
    if (context.background !== true) wire.socket.ref()
    const callOff = onGivenUp(context, reject)
    const settled = (): void => {
      callOff()
      wire.socket.unref()
    }
    wire.onMessage = (message) => {
      settled()
      resolve(message)
    }
    wire.onGone = (error) => {
      settled()
      const text = `connection to ${host.address} was lost: ${error?.message ?? 'the peer closed it'}`
      reject(new RpcError('unavailable', text, { outbound: true, ...(error && { cause: error }) }))
    }
    if (wire.socket.destroyed) wire.onGone(undefined)
    else void wire.send(start, fields, body)
  })
}

function read(host: CallHost, answer: HttpMessage, context: Context): unknown {
  const wrong = refusal(answer, context, host.limit)
  if (wrong !== undefined) throw wrong
  const { headers, trailers } = readMetadata(answer.fields)
  context.onHeaders?.(headers)
  const error = fieldOf(answer, 'micro-error')
  if (error) {
    context.onTrailers?.(trailers)
    throw readError(error, trailers)
  }
  const message = decode(host, context, answer.body)
  context.onTrailers?.(trailers)
  return message
}
