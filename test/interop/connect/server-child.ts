// The server that the conformance suite starts: it reads on stdin how it shall be, and says on stdout where it listens.

import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { create, createFileRegistry, type DescMessage, type DescService, fromBinary, type Message, toBinary } from '@bufbuild/protobuf'
import { type Any, anyPack, FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt'
import { type Context, codeFromNumber, createServer, type ErrorDetail, type Headers, RpcError } from '../../../src/index.ts'
import { grpc } from '../../../src/transports/grpc.ts'

const registry = createFileRegistry(fromBinary(FileDescriptorSetSchema, readFileSync(process.argv[2] ?? '')))
const message = (name: string): DescMessage => registry.getMessage(`connectrpc.conformance.v1.${name}`) as DescMessage
const service = registry.getService('connectrpc.conformance.v1.ConformanceService') as DescService

interface Start extends Message {
  readonly useTls: boolean
  readonly clientTlsCert: Uint8Array
  readonly messageReceiveLimit: number
  readonly serverCreds?: { readonly cert: Uint8Array; readonly key: Uint8Array }
}

interface Named {
  readonly name: string
  readonly value: readonly string[]
}

interface Wanted {
  readonly responseHeaders: readonly Named[]
  readonly responseTrailers: readonly Named[]
  readonly responseDelayMs: number
  readonly response:
    | { readonly case: 'responseData'; readonly value: Uint8Array }
    | { readonly case: 'error'; readonly value: { readonly code: number; readonly message?: string; readonly details: readonly Any[] } }
    | { readonly case: undefined; readonly value?: undefined }
}

async function readStart(): Promise<Start> {
  let bytes = Buffer.alloc(0)
  while (bytes.length < 4 || bytes.length < 4 + bytes.readUInt32BE(0))
    bytes = Buffer.concat([bytes, ...(await once(process.stdin, 'data'))])
  return fromBinary(message('ServerCompatRequest'), new Uint8Array(bytes.subarray(4))) as Start
}

/** Answers as the request says, with what was seen of it. */
async function answer(request: Message & { responseDefinition?: Wanted }, context: Context, get = false): Promise<object> {
  const { responseDefinition: wanted } = request
  const requestInfo = create(message('ConformancePayload.RequestInfo'), {
    requestHeaders: [...new Set([...context.headers].map(([name]) => name))].map((name) => ({
      name,
      value: context.headers.getAll(name).map((one) => (typeof one === 'string' ? one : Buffer.from(one).toString('base64'))),
    })),
    requests: [anyPack(message(request.$typeName.slice(request.$typeName.lastIndexOf('.') + 1)), request)],
    ...(context.deadline !== undefined && { timeoutMs: BigInt(Math.round(context.deadline - performance.now())) }),
    ...(get && { connectGetInfo: {} }),
  })
  add(wanted?.responseHeaders, context.replyHeaders)
  add(wanted?.responseTrailers, context.replyTrailers)
  await new Promise((resolve) => setTimeout(resolve, wanted?.responseDelayMs ?? 0))
  if (wanted?.response.case !== 'error') return { payload: { requestInfo, data: wanted?.response.value ?? new Uint8Array(0) } }
  const { code, message: text = '', details } = wanted.response.value
  const seen = anyPack(message('ConformancePayload.RequestInfo'), requestInfo)
  throw new RpcError(codeFromNumber(code), text, { details: [...details, seen].map(toDetail) })
}

function add(some: readonly Named[] | undefined, to: Headers | undefined): void {
  for (const { name, value } of some ?? [])
    for (const one of value) to?.append(name, name.toLowerCase().endsWith('-bin') ? Buffer.from(one, 'base64') : one)
}

function toDetail({ typeUrl, value }: Any): ErrorDetail {
  return { type: typeUrl.slice(typeUrl.lastIndexOf('/') + 1), value }
}

function missing(): never {
  throw new RpcError('unimplemented', 'left out')
}

const start = await readStart()
const { cert, key } = start.serverCreds ?? {}
const ca = start.clientTlsCert.length === 0 ? {} : { ca: start.clientTlsCert, requestCert: true }
const server = createServer({
  name: 'conformance',
  address: '127.0.0.1:0',
  transport: grpc({ tls: start.useTls && { cert, key, ...ca }, maxReceiveBytes: start.messageReceiveLimit || undefined }),
})
server.handle(service, {
  unary: answer,
  idempotentUnary: (request: Message, context: Context) => answer(request, context, true),
  unimplemented: missing,
  clientStream: missing,
  serverStream: missing,
  bidiStream: missing,
} as never)
await server.start()
const port = Number(server.address.split(':')[1])
const told = toBinary(
  message('ServerCompatResponse'),
  create(message('ServerCompatResponse'), { host: '127.0.0.1', port, ...(cert && { pemCert: cert }) }),
)
const head = Buffer.alloc(4)
head.writeUInt32BE(told.length)
process.stdout.write(Buffer.concat([head, told]))
