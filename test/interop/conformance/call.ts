import { setTimeout as delay } from 'node:timers/promises'
import { create, type DescMessage, type Message } from '@bufbuild/protobuf'
import { anyUnpack } from '@bufbuild/protobuf/wkt'
import { protobufService } from '../../../src/codecs/protobuf.ts'
import type { Context } from '../../../src/endpoint.ts'
import type { Headers } from '../../../src/headers.ts'
import type { Method } from '../../../src/service.ts'
import { grpc } from '../../../src/transports/grpc.ts'
import {
  type ClientCompatRequest,
  type ClientResponseResult,
  ClientResponseResultSchema,
} from '../gen/connectrpc/conformance/v1/client_compat_pb.ts'
import { Compression, StreamType } from '../gen/connectrpc/conformance/v1/config_pb.ts'
import { type ConformancePayload, ConformancePayloadSchema, ConformanceService } from '../gen/connectrpc/conformance/v1/service_pb.ts'
import { fromHeaders, toError, toHeaders } from './words.ts'

interface Answer {
  readonly payload?: ConformancePayload | undefined
}

const methods = Object.entries(protobufService(ConformanceService).methods)

/** Makes the call that the suite asks for, on a connection of its own. Rejects when it cannot be made at all. */
export async function call(asked: ClientCompatRequest): Promise<ClientResponseResult> {
  const [local, method] = methods.find(([, { name }]) => name === asked.method) ?? []
  if (local === undefined || method === undefined) throw new Error(`${asked.service}/${asked.method} is unknown`)
  const { input } = ConformanceService.method[local as keyof typeof ConformanceService.method]
  const messages = asked.requestMessages.map((any) => {
    const message = anyUnpack(any, input as DescMessage)
    if (message === undefined) throw new Error(`${any.typeUrl} is no ${input.typeName}`)
    return message
  })
  const connection = grpc({
    ...(asked.serverTlsCert.length > 0 && {
      tls: { ca: asked.serverTlsCert, cert: asked.clientTlsCreds?.cert, key: asked.clientTlsCreds?.key },
    }),
    ...(asked.messageReceiveLimit > 0 && { maxReceiveBytes: asked.messageReceiveLimit }),
    ...(asked.compression === Compression.GZIP && { compression: 'gzip' }),
  }).dial(`${asked.host}:${asked.port}`)
  try {
    return await new Conversation(asked, method, messages).run((request, context) => connection.call(request, context))
  } finally {
    await connection.close()
  }
}

/** One call: what has been sent and received, and when to cancel. */
class Conversation {
  readonly #asked: ClientCompatRequest
  readonly #method: Method
  readonly #messages: readonly Message[]
  readonly #abort = new AbortController()
  readonly #result: ClientResponseResult = create(ClientResponseResultSchema)
  #sent = 0
  #received = 0
  #over = false
  #onProgress: () => void = () => {}

  constructor(asked: ClientCompatRequest, method: Method, messages: readonly Message[]) {
    this.#asked = asked
    this.#method = method
    this.#messages = messages
  }

  async run(make: (request: unknown, context: Context) => Promise<unknown>): Promise<ClientResponseResult> {
    const { kind } = this.#method
    const streams = kind === 'clientStream' || kind === 'bidi'
    try {
      const answer = make(streams ? this.#requests() : this.#messages[0], this.#context())
      if (!streams) {
        this.#sent = 1
        this.#cancelAfterSending()
      }
      if (kind === 'unary' || kind === 'clientStream') this.#take((await answer) as Answer)
      else for await (const one of (await answer) as AsyncIterable<Answer>) this.#take(one)
    } catch (thrown) {
      this.#result.error = toError(thrown)
    }
    this.#over = true
    this.#onProgress()
    this.#result.numUnsentRequests = this.#messages.length - this.#sent
    return this.#result
  }

  #context(): Context {
    const { timeoutMs, requestHeaders } = this.#asked
    return {
      method: this.#method,
      headers: fromHeaders(requestHeaders),
      signal: this.#abort.signal,
      deadline: timeoutMs === undefined ? undefined : performance.now() + timeoutMs,
      onHeaders: (headers: Headers) => {
        this.#result.responseHeaders = toHeaders(headers)
      },
      onTrailers: (trailers: Headers) => {
        this.#result.responseTrailers = toHeaders(trailers)
      },
    }
  }

  #take({ payload }: Answer): void {
    this.#result.payloads.push(payload ?? create(ConformancePayloadSchema))
    this.#received++
    this.#onProgress()
    const timing = this.#asked.cancel?.cancelTiming
    if (timing?.case === 'afterNumResponses' && timing.value === this.#received) this.#abort.abort()
  }

  async *#requests(): AsyncGenerator<Message> {
    const inTurn = this.#asked.streamType === StreamType.FULL_DUPLEX_BIDI_STREAM
    for (const message of this.#messages) {
      await delay(this.#asked.requestDelayMs)
      this.#sent++
      yield message
      while (inTurn && this.#received < this.#sent && !this.#over)
        await new Promise<void>((resolve) => {
          this.#onProgress = resolve
        })
    }
    if (this.#asked.cancel?.cancelTiming.case === 'beforeCloseSend') this.#abort.abort()
    else this.#cancelAfterSending()
  }

  #cancelAfterSending(): void {
    const { cancel } = this.#asked
    if (cancel === undefined) return
    const { case: when, value } = cancel.cancelTiming
    if (when === undefined || when === 'afterCloseSendMs') setTimeout(() => this.#abort.abort(), value ?? 0)
  }
}
