import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { create } from '@bufbuild/protobuf'
import * as js from '@grpc/grpc-js'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Context, Endpoint } from '../../../src/endpoint.ts'
import { RpcError } from '../../../src/error.ts'
import type { Listener, Route } from '../../../src/transport.ts'
import { type GrpcOptions, grpc } from '../../../src/transports/grpc.ts'
import { type EchoMessage, EchoMessageSchema } from '../../gen/echo_pb.ts'
import { makeCertificates } from '../../support/certificates.ts'
import { method } from '../../support/context.ts'
import { until } from '../../support/echo.ts'
import { type JsClient, jsClient } from '../../support/grpc-js.ts'

type Message = EchoMessage
const message = (text: string, count = 0): Message => create(EchoMessageSchema, { text, count })
let aborted = 0
let produced = 0

async function unary(request: Message, context: Context): Promise<Message> {
  if (request.text === 'fail') {
    const details = [{ type: 'a.B', value: Uint8Array.of(1) }]
    throw new RpcError('not_found', 'näh 100%', { details, metadata: [['x-why', 'because']] })
  }
  if (request.text === 'wait') return new Promise(() => context.signal?.addEventListener('abort', () => aborted++))
  for (const [name, value] of context.headers) if (name.startsWith('x-')) context.replyHeaders?.append(name, value)
  context.replyTrailers?.set('x-left', String((context.deadline ?? 0) - performance.now()))
  return request
}

const endpoints: Record<string, (request: never, context: Context) => unknown> = {
  unary,
  async collect(requests: AsyncIterable<Message>) {
    let count = 0
    for await (const _ of requests) count++
    return message('all', count)
  },
  async *expand({ text, count }: Message) {
    try {
      for (produced = 0; produced < count; produced++) yield message(`${text}${produced}`)
    } finally {
      aborted++
    }
  },
  async *chat(requests: AsyncIterable<Message>) {
    for await (const { text } of requests) yield message(`${text}!`)
  },
}

const routes = new Map<string, Route>()
for (const name of ['unary', 'collect', 'expand', 'chat'] as const) {
  const endpoint = (async (request: never, context: Context) => endpoints[name]?.(request, context)) as Endpoint
  routes.set(method(name).path, { method: method(name), endpoint })
}

const directory = mkdtempSync(join(tmpdir(), 'beckon-'))
const { ca, cert, key } = makeCertificates(directory)
const authority = Buffer.from(ca)

const ways: { name: string; credentials: js.ChannelCredentials; options: GrpcOptions }[] = [
  { name: 'in plain text', credentials: js.credentials.createInsecure(), options: {} },
  { name: 'over TLS', credentials: js.credentials.createSsl(authority), options: { tls: { cert, key } } },
  {
    name: 'over mutual TLS',
    credentials: js.credentials.createSsl(authority, Buffer.from(key), Buffer.from(cert)),
    options: { tls: { ca, cert, key, requestCert: true } },
  },
]

afterAll(() => rmSync(directory, { recursive: true }))

describe.each(ways)('a client of grpc-js and our server $name', ({ credentials, options }) => {
  let listener: Listener
  let client: JsClient

  beforeAll(async () => {
    listener = await grpc({ ...options, maxReceiveBytes: 20_000_000 }).listen((path) => routes.get(path), { address: '127.0.0.1:0' })
    client = jsClient(listener.address, credentials)
  })
  afterAll(async () => {
    client[Symbol.dispose]()
    await listener.close()
  })

  function call(
    request: Message,
    metadata = new js.Metadata(),
    more: js.CallOptions = {},
  ): Promise<{ answer: Message; headers: js.Metadata; trailers: js.Metadata }> {
    return new Promise((resolve, reject) => {
      let headers = new js.Metadata()
      let answer: Message | undefined
      const made = client.unary(request, metadata, more, (error, came) => {
        if (error === null) answer = came
        else reject(error)
      })
      made.on('metadata', (came: js.Metadata) => (headers = came))
      made.on('status', ({ metadata: trailers }) => answer !== undefined && resolve({ answer, headers, trailers }))
    })
  }

  it('answers unary calls, with metadata both ways', async () => {
    const metadata = new js.Metadata()
    metadata.set('x-one', 'a')
    metadata.add('x-bytes-bin', Buffer.from([0, 254, 255]))
    metadata.add('x-bytes-bin', Buffer.from([1]))
    for (let i = 0; i < 3; i++) {
      const { answer, headers } = await call(message('hello', 7), metadata)
      expect(answer).toMatchObject({ text: 'hello', count: 7 })
      expect(headers.get('x-one')).toEqual(['a'])
      expect(headers.get('x-bytes-bin')).toEqual([Buffer.from([0, 254, 255]), Buffer.from([1])])
    }
  })

  it('answers many calls at once', async () => {
    const answers = await Promise.all(Array.from({ length: 500 }, (_, i) => call(message('n', i))))
    expect(answers.map(({ answer }) => answer.count)).toEqual(Array.from({ length: 500 }, (_, i) => i))
  })

  it('streams requests, responses and both', async () => {
    const count = await new Promise<number | undefined>((resolve, reject) => {
      const stream = client.collect(new js.Metadata(), {}, (error, answer) => (error === null ? resolve(answer?.count) : reject(error)))
      for (let i = 0; i < 1000; i++) stream.write(message(`${i}`))
      stream.end()
    })
    expect(count).toBe(1000)
    const texts: string[] = []
    for await (const { text } of client.expand(message('x', 5000), new js.Metadata(), {}) as AsyncIterable<Message>) texts.push(text)
    expect(texts).toEqual(Array.from({ length: 5000 }, (_, i) => `x${i}`))
    const chat = client.chat(new js.Metadata(), {})
    for (const text of ['a', 'b', 'c']) chat.write(message(text))
    chat.end()
    const answers: string[] = []
    for await (const { text } of chat as AsyncIterable<Message>) answers.push(text)
    expect(answers).toEqual(['a!', 'b!', 'c!'])
  })

  it('sends errors with details and metadata', async () => {
    const error: js.ServiceError = await call(message('fail')).catch((thrown) => thrown)
    expect(error).toMatchObject({ code: js.status.NOT_FOUND, details: 'näh 100%' })
    expect(error.metadata.get('x-why')).toEqual(['because'])
    const status = error.metadata.get('grpc-status-details-bin')[0] as Buffer
    expect(status.includes('type.googleapis.com/a.B')).toBe(true)
  })

  it('hears of deadlines and cancellation', async () => {
    aborted = 0
    const { trailers } = await call(message(''), new js.Metadata(), { deadline: Date.now() + 60_000 })
    expect(Number(trailers.get('x-left')[0])).toBeGreaterThan(30_000)
    expect(Number(trailers.get('x-left')[0])).toBeLessThan(60_200)
    expect(await call(message('wait'), new js.Metadata(), { deadline: Date.now() + 50 }).catch((thrown) => thrown)).toMatchObject({
      code: js.status.DEADLINE_EXCEEDED,
    })
    await until('the handler is told', () => aborted === 1)
    const stream = client.expand(message('x', 1e9), new js.Metadata(), {})
    stream.on('error', () => {})
    stream.once('data', () => stream.cancel())
    await until('the handler is told', () => aborted === 2)
  })

  it('holds back a stream that is not read', async () => {
    const stream = client.expand(message('x'.repeat(1000), 1e9), new js.Metadata(), {})
    stream.on('error', () => {})
    stream.once('data', () => stream.pause())
    let last = -1
    await until('it comes to rest', async () => {
      const before = last
      last = produced
      await new Promise((resolve) => setTimeout(resolve, 50))
      return last === before && last > 0
    })
    expect(produced).toBeLessThan(100_000)
    stream.cancel()
  })

  it('carries 10 MB both ways', async () => {
    const payload = new Uint8Array(10_000_000).map((_, i) => i)
    const { answer } = await call(create(EchoMessageSchema, { payload }))
    expect(Buffer.compare(answer.payload, payload)).toBe(0)
  })
})
