import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { create } from '@bufbuild/protobuf'
import type { Context, Endpoint } from '../../src/endpoint.ts'
import { grpc } from '../../src/transports/grpc.ts'
import { EchoMessageSchema } from '../gen/echo_pb.ts'
import { contextOf, method, seeded, streamOf } from '../support/context.ts'
import { ofClients, ofServers } from './conversations.ts'
import { mutated } from './mutation.ts'

/** How long to go on, whichever is over first. */
export interface FuzzOptions {
  readonly seed: number
  readonly rounds: number
  readonly ms: number
}

/** Longer than anything may take that is not stuck: deadlines of calls are 500 ms, last words 1 s. */
const patience = 10_000
const mostMemory = 400_000_000
const hello = create(EchoMessageSchema, { text: 'hello' })
const names = ['unary', 'once', 'collect', 'expand', 'chat'] as const

/**
 * Speaks mutated conversations to a server and to clients of ours, several at a time. Resolves with how many there were; throws, with the
 * seed, for one that crashes, hangs, leaks calls or memory, or spoils somebody else's call.
 */
export async function fuzz({ seed, rounds, ms }: FuzzOptions): Promise<number> {
  const random = seeded(seed)
  const problems: unknown[] = []
  const onProblem = (error: unknown): void => void problems.push(error)
  process.on('uncaughtException', onProblem).on('unhandledRejection', onProblem)
  let handlers = 0
  const methods = new Map(names.map((name) => [method(name).path, method(name)]))
  const listener = await grpc().listen(
    (path) => {
      const found = methods.get(path)
      return found && { method: found, endpoint: counted(found.kind) }
    },
    { address: '127.0.0.1:0' },
  )
  const port = Number(listener.address.split(':')[1])
  const good = grpc().dial(listener.address)
  const end = performance.now() + ms
  const before = process.memoryUsage().rss
  let round = 0
  try {
    while (round < rounds && performance.now() < end) {
      const speakers = Array.from({ length: 8 }, () => (random() < 0.6 ? toServer : toClient))
      await within(Promise.all(speakers.map((speak) => speak())), 'a conversation')
      round += speakers.length
      await within(good.call(hello, contextOf()), 'a call of somebody else')
      if (problems.length > 0) throw problems[0]
      if (process.memoryUsage().rss - before > mostMemory) throw new Error(`it took over ${mostMemory} bytes`)
    }
    await good.close()
    await within(listener.close(), 'the server to close')
    for (const over = performance.now() + patience; handlers > 0; ) {
      if (performance.now() > over) throw new Error(`${handlers} handlers were left`)
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
  } catch (cause) {
    throw new Error(`seed ${seed}, by conversation ${round + 8}: ${(cause as Error).message}`, { cause })
  } finally {
    process.off('uncaughtException', onProblem).off('unhandledRejection', onProblem)
  }
  return round

  function counted(kind: string): Endpoint {
    return async (asked: unknown, { signal }: Context) => {
      handlers++
      signal?.addEventListener('abort', () => {})
      try {
        if (kind === 'unary') return asked
        if (kind === 'serverStream') return streamOf(hello, hello, hello)
        if (kind === 'bidi') return asked
        for await (const _ of asked as AsyncIterable<unknown>);
        return hello
      } finally {
        handlers--
      }
    }
  }

  async function toServer(): Promise<void> {
    const socket = connect(port, '127.0.0.1').on('error', () => {})
    await once(socket, 'connect')
    const closed = new Promise((resolve) => socket.once('close', resolve))
    socket.resume()
    await say(socket, ofClients)
    socket.end()
    await closed
  }

  async function toClient(): Promise<void> {
    const server = createServer((socket) => {
      socket.on('error', () => {}).resume()
      void say(socket, ofServers).then(() => setTimeout(() => socket.end(), 20))
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const connection = grpc().dial(`127.0.0.1:${(server.address() as AddressInfo).port}`)
    const deadline = performance.now() + 500
    const read = async (stream: unknown): Promise<void> => {
      for await (const _ of stream as AsyncIterable<unknown>);
    }
    await Promise.allSettled([
      connection.call(hello, contextOf({ deadline })),
      connection.call(hello, contextOf({ deadline, method: method('expand') })).then(read),
      connection.call(streamOf(hello, hello), contextOf({ deadline, method: method('chat') })).then(read),
    ])
    await connection.close()
    server.close()
  }

  /** In pieces of any size. */
  async function say(socket: Socket, conversations: readonly (readonly Uint8Array[])[]): Promise<void> {
    const bytes = mutated(conversations[Math.floor(random() * conversations.length)] ?? [], random)
    const pieces = random() < 0.7 ? 1 : 1 + Math.floor(random() * 20)
    for (let i = 0; i < pieces && !socket.destroyed; i++) {
      socket.write(bytes.subarray(Math.floor((bytes.length * i) / pieces), Math.floor((bytes.length * (i + 1)) / pieces)))
      if (pieces > 1) await new Promise((resolve) => setImmediate(resolve))
    }
  }
}

async function within<T>(promise: Promise<T>, what: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`waited ${patience} ms in vain for ${what}`)), patience)
  })
  return Promise.race([promise, late]).finally(() => clearTimeout(timer))
}
