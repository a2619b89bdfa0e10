import { create, toBinary } from '@bufbuild/protobuf'
import { describe, expect, it } from 'vitest'
import type { Endpoint } from '../../src/endpoint.ts'
import type { Connection, Listener } from '../../src/transport.ts'
import { type GrpcOptions, grpc } from '../../src/transports/grpc.ts'
import { type EchoMessage, EchoMessageSchema } from '../gen/echo_pb.ts'
import { contextOf, failure, method } from '../support/context.ts'
import { until } from '../support/echo.ts'
import { frame, message, preface, type RawPeer, rawPeer, request } from '../support/raw-http2.ts'

const DATA = 0
const HEADERS = 1
const RST_STREAM = 3
const SETTINGS = 4
const PING = 6
const hello = create(EchoMessageSchema, { text: 'hello' })
const body = message(toBinary(EchoMessageSchema, hello))
/** Begins as no message does. */
const unreadable = Buffer.from([2, 0, 0, 0, 0])
const never = (): Promise<never> => new Promise(() => {})

interface Scene extends AsyncDisposable {
  readonly listener: Listener
  readonly connection: Connection
  /** Another client, which has said nothing of its own yet. */
  peer(): Promise<RawPeer>
}

/** A server that answers one method, whatever is called, and a client of it. */
async function scene(name: Parameters<typeof method>[0], endpoint: Endpoint<never>, options: GrpcOptions = {}): Promise<Scene> {
  const listener = await grpc(options).listen(() => ({ method: method(name), endpoint: endpoint as Endpoint }), { address: '127.0.0.1:0' })
  const connection = grpc().dial(listener.address)
  return {
    listener,
    connection,
    async peer() {
      const peer = await rawPeer(listener.address)
      peer.send(preface, frame(SETTINGS, 0, 0))
      return peer
    },
    async [Symbol.asyncDispose]() {
      await connection.close()
      await listener.close()
    },
  }
}

/** Begins a call whose request has only these bytes so far. */
const begin = (id: number, bytes: Uint8Array): Buffer =>
  Buffer.concat([frame(HEADERS, 4, id, request('/test/Any')), frame(DATA, 0, id, bytes)])

describe('a call that ends', () => {
  it('in the first step of its answer sends nothing more, whatever its handler makes of that', async () => {
    let left = false
    async function* chat(requests: AsyncIterable<EchoMessage>): AsyncGenerator<EchoMessage> {
      try {
        for await (const one of requests) yield one
      } catch {
        yield hello
      } finally {
        left = true
      }
    }
    await using one = await scene('chat', async (requests: AsyncIterable<EchoMessage>) => chat(requests))
    using peer = await one.peer()
    peer.send(begin(1, unreadable))
    expect(await peer.answer(1)).toMatchObject({ 'grpc-status': '13' })
    await until('the handler is done', () => left)
    peer.send(frame(PING, 0, 0, Buffer.alloc(8)))
    await peer.frame(PING)
    expect(peer.frames.filter(({ type, id }) => type <= HEADERS && id === 1).length).toBe(1)
  })

  it('in the first step of its request leaves that', async () => {
    let left = false
    const abort = new AbortController()
    async function* endless(): AsyncGenerator<EchoMessage> {
      try {
        abort.abort()
        for (;;) {
          yield hello
          await new Promise(setImmediate)
        }
      } finally {
        left = true
      }
    }
    await using one = await scene('collect', never)
    const context = contextOf({ method: method('collect'), signal: abort.signal })
    expect(await failure(one.connection.call(endless(), context))).toMatchObject({ code: 'canceled' })
    await until('it is left', () => left, 2000)
  })

  it('ends although its request does not let itself be left', async () => {
    const requests = {
      [Symbol.asyncIterator]: () => ({
        next: never,
        return(): never {
          throw new Error('not now')
        },
      }),
    }
    await using one = await scene('collect', never)
    const context = contextOf({ method: method('collect'), deadline: performance.now() + 50 })
    const ended = failure(one.connection.call(requests, context))
    expect(await Promise.race([ended, new Promise((resolve) => setTimeout(resolve, 5000, 'never'))])).toMatchObject({
      code: 'deadline_exceeded',
    })
  })

  it('while its handler is being called does not make room for more than are allowed', async () => {
    let waiting = 0
    const endpoint = async (requests: AsyncIterable<EchoMessage>): Promise<void> => {
      for await (const _ of requests) {
        waiting++
        await never()
      }
    }
    const most = 40
    await using one = await scene('collect', endpoint, { maxConcurrentStreams: most })
    using peer = await one.peer()
    const ids = Array.from({ length: 2 * most }, (_, i) => 2 * i + 1)
    // So many at once that some are handled later, when what is wrong with their requests is there to be read.
    peer.send(...ids.slice(0, most).map((id) => begin(id, unreadable)))
    for (const id of ids.slice(0, most)) await peer.answer(id)
    const more = [...ids.slice(most), ...ids.map((id) => id + 4 * most)]
    peer.send(...more.map((id) => begin(id, body)))
    const refused = (): number => peer.frames.filter(({ type, payload }) => type === RST_STREAM && payload.readUInt32BE(0) === 7).length
    await until('all are taken or refused', () => waiting + refused() === more.length)
    expect(waiting).toBe(most)
  })

  it('because its answer was left has no more messages, and no error', async () => {
    async function* endless(): AsyncGenerator<EchoMessage> {
      for (;;) {
        yield hello
        await new Promise(setImmediate)
      }
    }
    await using one = await scene('expand', async () => endless())
    const answer = (await one.connection.call(hello, contextOf({ method: method('expand') }))) as AsyncGenerator<EchoMessage>
    for await (const _ of answer) break
    expect(await answer.next()).toEqual({ done: true, value: undefined })
  })
})
