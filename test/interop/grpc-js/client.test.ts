import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { create } from '@bufbuild/protobuf'
import * as js from '@grpc/grpc-js'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Headers } from '../../../src/headers.ts'
import type { Connection } from '../../../src/transport.ts'
import { type GrpcOptions, grpc } from '../../../src/transports/grpc.ts'
import { type EchoMessage, EchoMessageSchema } from '../../gen/echo_pb.ts'
import { makeCertificates } from '../../support/certificates.ts'
import { collect, contextOf, failure, method, streamOf } from '../../support/context.ts'
import { until } from '../../support/echo.ts'
import { type JsServer, jsServer } from '../../support/grpc-js.ts'

type Message = EchoMessage
const message = (text: string, count = 0): Message => create(EchoMessageSchema, { text, count })
let cancelled = 0

const handlers: js.UntypedServiceImplementation = {
  unary(call: js.ServerUnaryCall<Message, Message>, reply: js.sendUnaryData<Message>) {
    const { text } = call.request
    call.on('cancelled', () => cancelled++)
    if (text === 'wait') return
    if (text === 'fail') {
      const metadata = new js.Metadata()
      metadata.set('x-why', 'because')
      // google.rpc.Status { code: 5, message: "näh", details: [Any { type_url: "type.googleapis.com/a.B", value: 01 }] }
      const any = Buffer.concat([Buffer.from([10, 23]), Buffer.from('type.googleapis.com/a.B'), Buffer.from([18, 1, 1])])
      metadata.set(
        'grpc-status-details-bin',
        Buffer.concat([Buffer.from([8, 5, 18, 4]), Buffer.from('näh'), Buffer.from([26, any.length]), any]),
      )
      reply({ code: js.status.NOT_FOUND, details: 'näh 100%', metadata })
      return
    }
    const back = new js.Metadata()
    for (const value of call.metadata.get('x-one')) back.add('x-one', value)
    for (const value of call.metadata.get('x-bytes-bin')) back.add('x-bytes-bin', value)
    call.sendMetadata(back)
    const trailers = new js.Metadata()
    trailers.set('x-deadline', String(call.getDeadline()))
    reply(null, call.request, trailers)
  },
  collect(call: js.ServerReadableStream<Message, Message>, reply: js.sendUnaryData<Message>) {
    let count = 0
    call.on('data', () => count++)
    call.on('end', () => reply(null, message('all', count)))
  },
  async expand(call: js.ServerWritableStream<Message, Message>) {
    call.on('cancelled', () => cancelled++)
    for (let i = 0; i < call.request.count && !call.cancelled; i++) {
      if (!call.write(message(`${call.request.text}${i}`))) await new Promise((resolve) => call.once('drain', resolve))
    }
    call.end()
  },
  chat(call: js.ServerDuplexStream<Message, Message>) {
    call.on('data', ({ text }: Message) => call.write(message(`${text}!`)))
    call.on('end', () => call.end())
  },
}

const directory = mkdtempSync(join(tmpdir(), 'beckon-'))
const certificates = makeCertificates(directory)
const { ca, cert, key } = certificates
const pair = { cert_chain: Buffer.from(cert), private_key: Buffer.from(key) }

const ways: { name: string; credentials: js.ServerCredentials; options: GrpcOptions }[] = [
  { name: 'in plain text', credentials: js.ServerCredentials.createInsecure(), options: {} },
  { name: 'over TLS', credentials: js.ServerCredentials.createSsl(null, [pair]), options: { tls: { ca } } },
  {
    name: 'over mutual TLS',
    credentials: js.ServerCredentials.createSsl(Buffer.from(ca), [pair], true),
    options: { tls: { ca, cert, key } },
  },
]

afterAll(() => rmSync(directory, { recursive: true }))

describe.each(ways)('our client and a server of grpc-js $name', ({ credentials, options }) => {
  let server: JsServer
  let connection: Connection

  beforeAll(async () => {
    server = await jsServer(handlers, credentials)
    connection = grpc({ ...options, maxReceiveBytes: 20_000_000 }).dial(server.address)
  })
  afterAll(async () => {
    await connection.close()
    server[Symbol.dispose]()
  })

  it('makes unary calls, with metadata both ways', async () => {
    const headers = new Headers([
      ['x-one', 'a'],
      ['x-bytes-bin', Uint8Array.of(0, 254, 255)],
    ])
    for (let i = 0; i < 3; i++) {
      let came: Headers | undefined
      const answer = (await connection.call(message('hello', 7), contextOf({ headers, onHeaders: (all) => (came = all) }))) as Message
      expect(answer).toMatchObject({ text: 'hello', count: 7 })
      expect(came?.get('x-one')).toBe('a')
      expect(came?.getBytes('x-bytes-bin')).toEqual(Uint8Array.of(0, 254, 255))
    }
  })

  it('makes many calls at once', async () => {
    const answers = await Promise.all(Array.from({ length: 500 }, (_, i) => connection.call(message('n', i), contextOf())))
    expect(answers.map((answer) => (answer as Message).count)).toEqual(Array.from({ length: 500 }, (_, i) => i))
  })

  it('streams requests, responses and both', async () => {
    const many = Array.from({ length: 1000 }, (_, i) => message(`${i}`))
    expect(await connection.call(streamOf(...many), contextOf({ method: method('collect') }))).toMatchObject({ count: 1000 })
    const expanded = (await connection.call(message('x', 5000), contextOf({ method: method('expand') }))) as AsyncIterable<Message>
    expect((await collect(expanded)).map(({ text }) => text)).toEqual(Array.from({ length: 5000 }, (_, i) => `x${i}`))
    const chat = (await connection.call(streamOf(...many), contextOf({ method: method('chat') }))) as AsyncIterable<Message>
    expect((await collect(chat)).map(({ text }) => text)).toEqual(many.map(({ text }) => `${text}!`))
  })

  it('gets errors with details and metadata', async () => {
    const error = await failure(connection.call(message('fail'), contextOf()))
    expect(error).toMatchObject({ code: 'not_found', rawMessage: 'näh 100%', outbound: true, unprocessed: false })
    expect(error.details).toEqual([{ type: 'a.B', value: Uint8Array.of(1) }])
    expect(error.metadata).toContainEqual(['x-why', 'because'])
    const unknown = { ...method('unary'), path: '/beckon.test.Echo/Nothing' }
    expect(await failure(connection.call(message(''), contextOf({ method: unknown })))).toMatchObject({ code: 'unimplemented' })
  })

  it('sends deadlines, and keeps to them', async () => {
    let trailers: Headers | undefined
    await connection.call(message(''), contextOf({ deadline: performance.now() + 60_000, onTrailers: (all) => (trailers = all) }))
    const told = new Date(trailers?.get('x-deadline') ?? '').getTime() - Date.now()
    const left = Number.isNaN(told) ? Number(trailers?.get('x-deadline')) - Date.now() : told
    expect(left).toBeGreaterThan(30_000)
    expect(left).toBeLessThan(61_100)
    expect(await failure(connection.call(message('wait'), contextOf({ deadline: performance.now() + 50 })))).toMatchObject({
      code: 'deadline_exceeded',
    })
  })

  it('cancels calls and streams', async () => {
    cancelled = 0
    const abort = new AbortController()
    const call = failure(connection.call(message('wait'), contextOf({ signal: abort.signal })))
    await connection.call(message('so that the other is under way'), contextOf())
    abort.abort()
    expect(await call).toMatchObject({ code: 'canceled' })
    const stream = (await connection.call(message('x', 1_000_000), contextOf({ method: method('expand') }))) as AsyncIterable<Message>
    for await (const { text } of stream) if (text === 'x10') break
    await until('the server is told of both', () => cancelled >= 2)
  })

  it('carries 10 MB both ways', async () => {
    const payload = new Uint8Array(10_000_000).map((_, i) => i)
    const answer = (await connection.call(create(EchoMessageSchema, { payload }), contextOf())) as Message
    expect(Buffer.compare(answer.payload, payload)).toBe(0)
  })
})
