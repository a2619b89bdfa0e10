import { setTimeout as delay } from 'node:timers/promises'
import { create, type DescMessage, type Message } from '@bufbuild/protobuf'
import { type Any, anyPack } from '@bufbuild/protobuf/wkt'
import type { Context, Endpoint } from '../../../src/endpoint.ts'
import {
  type BidiStreamRequest,
  BidiStreamRequestSchema,
  type ClientStreamRequest,
  ClientStreamRequestSchema,
  ConformancePayload_RequestInfoSchema,
  IdempotentUnaryRequestSchema,
  type ServerStreamRequest,
  ServerStreamRequestSchema,
  type StreamResponseDefinition,
  type UnaryRequest,
  UnaryRequestSchema,
  type UnaryResponseDefinition,
} from '../gen/connectrpc/conformance/v1/service_pb.ts'
import { fromError, fromHeaders, toHeaders } from './words.ts'

/** What the suite's service answers, by local method name. What is missing is not implemented on purpose. */
export const answers: Readonly<Record<string, Endpoint>> = {
  unary: ((request: UnaryRequest, context) => one(request.responseDefinition, [pack(UnaryRequestSchema, request)], context)) as Endpoint,
  idempotentUnary: ((request: UnaryRequest, context) =>
    one(request.responseDefinition, [pack(IdempotentUnaryRequestSchema, request)], context)) as Endpoint,
  clientStream: (async (requests: AsyncIterable<ClientStreamRequest>, context) => {
    let definition: UnaryResponseDefinition | undefined
    const seen: Any[] = []
    for await (const request of requests) {
      if (seen.length === 0) definition = request.responseDefinition
      seen.push(pack(ClientStreamRequestSchema, request))
    }
    return one(definition, seen, context)
  }) as Endpoint,
  serverStream: (async (request: ServerStreamRequest, context) => {
    const definition = request.responseDefinition
    begin(definition, context)
    return rest(definition, 0, [pack(ServerStreamRequestSchema, request)], context)
  }) as Endpoint,
  bidiStream: (async (requests: AsyncIterable<BidiStreamRequest>, context) => {
    const iterator = requests[Symbol.asyncIterator]()
    const first = await iterator.next()
    if (first.done) return rest(undefined, 0, [], context)
    begin(first.value.responseDefinition, context)
    return both(first.value, iterator, context)
  }) as Endpoint,
}

async function* both(first: BidiStreamRequest, iterator: AsyncIterator<BidiStreamRequest>, context: Context): AsyncGenerator<object> {
  const definition = first.responseDefinition
  const data = definition?.responseData ?? []
  let seen: Any[] = []
  let sent = 0
  for (let next: IteratorResult<BidiStreamRequest> = { done: false, value: first }; !next.done; next = await iterator.next()) {
    seen.push(pack(BidiStreamRequestSchema, next.value))
    if (!first.fullDuplex) continue
    if (sent >= data.length) break
    await delay(definition?.responseDelayMs ?? 0)
    const requestInfo = sent === 0 ? info(seen, context) : create(ConformancePayload_RequestInfoSchema, { requests: seen })
    yield { payload: { data: data[sent++], requestInfo } }
    seen = []
  }
  yield* rest(definition, sent, seen, context)
}

async function one(definition: UnaryResponseDefinition | undefined, requests: Any[], context: Context): Promise<object> {
  begin(definition, context)
  await delay(definition?.responseDelayMs ?? 0)
  const requestInfo = info(requests, context)
  const response = definition?.response
  if (response?.case === 'error') throw fromError(response.value, anyPack(ConformancePayload_RequestInfoSchema, requestInfo))
  return { payload: { requestInfo, ...(response?.case === 'responseData' && { data: response.value }) } }
}

/** The answers that have not been sent yet, and how it ends. */
async function* rest(
  definition: StreamResponseDefinition | undefined,
  sent: number,
  requests: Any[],
  context: Context,
): AsyncGenerator<object> {
  if (definition === undefined) return
  for (let i = sent; i < definition.responseData.length; i++) {
    await delay(definition.responseDelayMs)
    yield { payload: { data: definition.responseData[i], ...(i === 0 && { requestInfo: info(requests, context) }) } }
  }
  const { error, responseData } = definition
  if (error === undefined) return
  if (sent > 0 || responseData.length > 0) throw fromError(error)
  throw fromError(error, anyPack(ConformancePayload_RequestInfoSchema, info(requests, context)))
}

function begin(definition: UnaryResponseDefinition | StreamResponseDefinition | undefined, { replyHeaders, replyTrailers }: Context): void {
  fromHeaders(definition?.responseHeaders ?? [], replyHeaders)
  fromHeaders(definition?.responseTrailers ?? [], replyTrailers)
}

function info(requests: Any[], { headers, deadline }: Context) {
  const timeout = deadline === undefined ? {} : { timeoutMs: BigInt(Math.max(0, Math.round(deadline - performance.now()))) }
  return create(ConformancePayload_RequestInfoSchema, { requestHeaders: toHeaders(headers), requests, ...timeout })
}

function pack(schema: DescMessage, message: Message): Any {
  return anyPack(schema, message)
}
