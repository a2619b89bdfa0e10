import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { create } from '@bufbuild/protobuf'
import type { Context, Endpoint } from '../../src/endpoint.ts'
import { type GrpcOptions, grpc } from '../../src/transports/grpc.ts'
import { EchoMessageSchema } from '../gen/echo_pb.ts'
import { contextOf, method, seeded, streamOf } from '../support/context.ts'
import { held, sockets } from '../support/memory.ts'
import { ofClients, ofServers } from './conversations.ts'
import { anyFlood, type Flood, poured, worst } from './flood.ts'
import { mutated } from './mutation.ts'

/** How long to go on, whichever is over first. */
export interface FuzzOptions {
  readonly seed: number
  readonly rounds: number
  readonly ms: number
  /** Longer than anything may take that is not stuck: deadlines of calls are 150 ms, last words 1 s. */
  readonly patience?: number
}

/** Both sides take little, so that what takes more is soon found. */
const limits: GrpcOptions = {
  ...{ maxConcurrentStreams: 2000, maxReceiveBytes: 262_144, streamWindow: 65_535, connectionWindow: 262_144 },
  server: { maxBufferBytes: 1_048_576 },
}
/** What the process may hold of a flood: 2000 calls, and what may wait by {@link limits}; a quarter of it is left. */
const mostOfFlood = 12_582_912
/** What a conversation may leave after it, beside what the process itself comes to need. */
const mostLeft = (rounds: number): number => 3_145_728 + 500 * rounds
const warm = 190
const together = 64

const hello = create(EchoMessageSchema, { text: 'hello' })
const names = ['unary', 'once', 'collect', 'expand', 'chat'] as const
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

/**
 * Speaks mutated conversations to a server and to clients of ours, many at a time, and now and then floods one of them. Resolves with how many
 * there were; throws, with the seed, for one that crashes, hangs, leaks calls, sockets or memory, holds what it should not take, or spoils
 * somebody else's call.
 */
export async function fuzz({ seed, rounds, ms, patience = 20_000 }: FuzzOptions): Promise<number> {
  const random = seeded(seed)
  const problems: Error[] = []
  const onProblem = (error: Error): void => void problems.push(error)
  process.on('uncaughtException', onProblem).on('unhandledRejection', onProblem)
  let handlers = 0
  const methods = new Map(names.map((name) => [method(name).path, method(name)]))
  const listener = await grpc(limits).listen(
    (path) => {
      const found = methods.get(path)
      return found && { method: found, endpoint: counted(found.kind) }
    },
    { address: '127.0.0.1:0' },
  )
  const port = Number(listener.address.split(':')[1])
  const good = grpc().dial(listener.address)
  const end = performance.now() + ms
  const floods = { ofClients: ofClients.flatMap(worst), ofServers: ofServers.flatMap(worst) }
  let before: { readonly round: number; readonly bytes: number; readonly sockets: number } | undefined
  let checked = performance.now()
  let round = 0
  try {
    do {
      const speakers = Array.from({ length: together }, () => (random() < 0.6 ? toServer : toClient))
      await within(Promise.all(speakers.map((speak) => speak(say))), 'a conversation')
      if (random() < 0.6) await drown(toServer, floods.ofClients.shift() ?? anyFlood(ofClients, random))
      else await drown(toClient, floods.ofServers.shift() ?? anyFlood(ofServers, random))
      round += together + 1
      await serves()
      if (before === undefined ? round >= warm : performance.now() - checked > 5000) await check()
    } while (round < rounds && performance.now() < end)
    await check()
    await good.close()
    await within(listener.close(), 'the server to close')
  } catch (cause) {
    throw new Error(`seed ${seed}, by conversation ${round + together}: ${(cause as Error).message}`, { cause })
  } finally {
    process.off('uncaughtException', onProblem).off('unhandledRejection', onProblem)
  }
  return round

  async function serves(): Promise<void> {
    await within(good.call(hello, contextOf()), 'a call of somebody else')
    if (problems[0] !== undefined) throw new Error(`it crashes: ${problems[0].message}`, { cause: problems[0] })
  }

  /** Whether everything is as it was before, when nothing is under way. */
  async function check(): Promise<void> {
    for (const over = performance.now() + patience; handlers > 0; await pause(10))
      if (performance.now() > over) throw new Error(`${handlers} handlers were left`)
    // Last words may take a second.
    await pause(1200)
    const now = { round, bytes: held(), sockets: sockets() }
    before ??= now
    if (now.sockets > before.sockets) throw new Error(`it leaks: ${now.sockets - before.sockets} sockets are open`)
    const left = now.bytes - before.bytes
    if (left > mostLeft(round - before.round)) throw new Error(`it leaks: ${left} bytes after ${round - before.round} conversations`)
    checked = performance.now()
  }

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

  async function toServer(speak: Speak): Promise<void> {
    const socket = connect(port, '127.0.0.1').on('error', () => {})
    const closed = new Promise((resolve) => socket.once('close', resolve))
    await once(socket, 'connect')
    await speak(socket, ofClients)
    socket.resume().end()
    await closed
  }

  async function toClient(speak: Speak): Promise<void> {
    let spoken: Promise<unknown> = Promise.resolve()
    const server = createServer((socket) => {
      socket.on('error', () => {})
      spoken = speak(socket, ofServers).then(() => setTimeout(() => socket.resume().end(), 20))
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const connection = grpc(limits).dial(`127.0.0.1:${(server.address() as AddressInfo).port}`)
    const deadline = performance.now() + 150
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
    await spoken
  }

  /** In pieces of any size. */
  async function say(socket: Socket, conversations: Conversations): Promise<void> {
    socket.resume()
    const bytes = mutated(conversations[Math.floor(random() * conversations.length)] ?? [], random)
    const pieces = random() < 0.7 ? 1 : 1 + Math.floor(random() * 20)
    for (let i = 0; i < pieces && !socket.destroyed; i++) {
      socket.write(bytes.subarray(Math.floor((bytes.length * i) / pieces), Math.floor((bytes.length * (i + 1)) / pieces)))
      if (pieces > 1) await new Promise((resolve) => setImmediate(resolve))
    }
  }

  function drown(speaker: (speak: Speak) => Promise<void>, one: Flood): Promise<void> {
    return within(
      speaker((socket) => pour(socket, one)),
      'the end of a flood',
    )
  }

  /** As much as the other side takes, which may not keep it. */
  async function pour(socket: Socket, one: Flood): Promise<void> {
    if (random() < 0.7) socket.resume()
    const bytes = held()
    let most = 0
    let pieces = 0
    for (const piece of poured(one)) {
      if (socket.destroyed || socket.writableEnded) break
      const room = socket.write(piece) || Promise.race([new Promise((resolve) => socket.once('drain', () => resolve(true))), pause(100)])
      if ((await room) !== true) break
      if (++pieces % 150 === 0) most = Math.max(most, held() - bytes)
    }
    await serves()
    most = Math.max(most, held() - bytes)
    if (most > mostOfFlood) throw new Error(`it holds ${most} bytes of a flood`)
    socket.destroy()
  }

  async function within<T>(promise: Promise<T>, what: string): Promise<T> {
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error(`waited ${patience} ms in vain for ${what}`)), patience)
    })
    return Promise.race([promise, late]).finally(() => clearTimeout(timer))
  }
}

type Conversations = readonly (readonly Uint8Array[])[]
type Speak = (socket: Socket, conversations: Conversations) => Promise<void>
