import { create, toBinary } from '@bufbuild/protobuf'
import { expect } from 'vitest'
import type { Context, Endpoint } from '../../src/endpoint.ts'
import { RpcError } from '../../src/error.ts'
import type { Listener } from '../../src/transport.ts'
import { type GrpcOptions, grpc, type ServerLimits } from '../../src/transports/grpc.ts'
import { EchoMessageSchema } from '../gen/echo_pb.ts'
import { contextOf, method } from '../support/context.ts'
import { frame, message, preface, type RawPeer, rawPeer, request } from '../support/raw-http2.ts'

/** Types of frames. */
export const [DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION] = [
  0, 1, 2, 3, 4, 6, 7, 8, 9,
] as const
/** Flags of frames. */
export const [END_STREAM, END_HEADERS, PRIORITIZED] = [1, 4, 32] as const
/** What floods end with. */
export const ENHANCE_YOUR_CALM = 11

/** Of the method that is served. */
export const path = method('unary').path
/** Of one that answers the same for ever. */
export const streamPath = method('expand').path
/** A small message. */
export const hello = create(EchoMessageSchema, { text: 'hello' })
/** The same as it travels. */
export const body = message(toBinary(EchoMessageSchema, hello))
/** Numbers of 32 bits. */
export const u32 = (...values: number[]): Buffer =>
  Buffer.concat(values.map((value) => Buffer.from([value >>> 24, value >>> 16, value >>> 8, value])))
/** One setting. */
export const setting = (id: number, value: number): Buffer => Buffer.concat([Buffer.from([0, id]), u32(value)])
/** Opens a call. */
export const open = (id: number, flags = 0, to = path): Buffer => frame(HEADERS, END_HEADERS | flags, id, request(to))
/** A whole call. */
export const call = (id: number, bytes: Uint8Array = body, to = path): Buffer =>
  Buffer.concat([open(id, 0, to), frame(DATA, END_STREAM, id, bytes)])
/** Many of something. */
export const times = (count: number, make: (i: number) => Uint8Array): Buffer =>
  Buffer.concat(Array.from({ length: count }, (_, i) => make(i)))
/** Ids of a client's streams, the first for the call that waits. */
export const nth = (i: number): number => 2 * i + 3

/** A server to be hurt. */
export interface Scene extends AsyncDisposable {
  readonly listener: Listener
  /** Handlers under way at this time, and at most. */
  readonly busy: { now: number; most: number }
  /** Lets handlers of `fail` go on. */
  release(): void
  peer(settings?: Uint8Array): Promise<RawPeer>
  /** Whether somebody else is served. */
  serves(): Promise<void>
}

/** A server of ours whose handler echoes; `wait` waits for the caller to leave, `big` is a MiB, and `fail` fails with 16 KB of words when released. */
export async function scene(server: ServerLimits = {}, options: GrpcOptions = {}): Promise<Scene> {
  const busy = { now: 0, most: 0 }
  let release = (): void => {}
  const released = new Promise<void>((resolve) => {
    release = resolve
  })
  async function answer(one: { text: string }, { signal }: Context): Promise<unknown> {
    busy.most = Math.max(busy.most, ++busy.now)
    try {
      if (one.text === 'wait') await new Promise((resolve) => signal?.addEventListener('abort', resolve))
      if (one.text === 'fail') {
        await released
        throw new RpcError('aborted', 'x'.repeat(16_000))
      }
      return one.text === 'big' ? create(EchoMessageSchema, { payload: new Uint8Array(1_048_576) }) : one
    } finally {
      busy.now--
    }
  }
  async function* answers(one: { text: string }, context: Context): AsyncGenerator<unknown> {
    for (;;) yield await answer(one, context)
  }
  const routes = new Map([
    [path, { method: method('unary'), endpoint: answer as Endpoint }],
    [streamPath, { method: method('expand'), endpoint: (async (one: { text: string }, context) => answers(one, context)) as Endpoint }],
  ])
  const listener = await grpc({ ...options, server }).listen((one) => routes.get(one), { address: '127.0.0.1:0' })
  const good = grpc().dial(listener.address)
  await good.call(hello, contextOf())
  return {
    listener,
    busy,
    release,
    async peer(settings = Buffer.alloc(0)) {
      const peer = await rawPeer(listener.address)
      peer.send(preface, frame(SETTINGS, 0, 0, settings))
      await peer.frame(SETTINGS)
      return peer
    },
    async serves() {
      expect(await good.call(hello, contextOf({ deadline: performance.now() + 20_000 }))).toMatchObject({ text: 'hello' })
    },
    async [Symbol.asyncDispose]() {
      await good.close()
      await listener.close()
    },
  }
}

/** A message with this text. */
export const text = (word: string): Buffer => message(toBinary(EchoMessageSchema, create(EchoMessageSchema, { text: word })))
