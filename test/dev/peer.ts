import type { DescMethodBiDiStreaming, DescMethodUnary, MessageInitShape, MessageShape } from '@bufbuild/protobuf'
import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import { Client, type ClientDuplexStream, credentials, type ServiceError } from '@grpc/grpc-js'
import type { Event } from '../../src/gen/etcd/kv_pb.ts'
import { Watch, type WatchCreateRequestSchema, type WatchRequestSchema, type WatchResponse } from '../../src/gen/etcd/rpc_pb.ts'

/** A gRPC client that nobody here wrote, speaking to etcd or to what claims to be one. */
export interface Peer {
  call<M extends DescMethodUnary>(method: M, request: MessageInitShape<M['input']>): Promise<MessageShape<M['output']>>
  stream<M extends DescMethodBiDiStreaming>(method: M): Duplex<MessageInitShape<M['input']>, MessageShape<M['output']>>
  close(): void
}

export interface Duplex<In, Out> {
  send(message: In): void
  /** All that was received so far. */
  readonly received: Out[]
  end(): void
  cancel(): void
  readonly ended: boolean
}

export function peer(address: string): Peer {
  const client = new Client(address, credentials.createInsecure(), { 'grpc.max_receive_message_length': -1 })
  const path = (method: DescMethodUnary | DescMethodBiDiStreaming) => `/${method.parent.typeName}/${method.name}`
  const codec = <M extends DescMethodUnary | DescMethodBiDiStreaming>(method: M) =>
    [
      (message: MessageInitShape<M['input']>) => Buffer.from(toBinary(method.input, create(method.input, message as never))),
      (bytes: Buffer) => fromBinary(method.output, bytes) as MessageShape<M['output']>,
    ] as const
  return {
    call(method, request) {
      return new Promise((resolve, reject) => {
        client.makeUnaryRequest(path(method), ...codec(method), request, (error, response) => {
          if (response === undefined) reject(error)
          else resolve(response)
        })
      })
    },
    stream<M extends DescMethodBiDiStreaming>(method: M) {
      const call: ClientDuplexStream<MessageInitShape<M['input']>, MessageShape<M['output']>> = client.makeBidiStreamRequest(
        path(method),
        ...codec(method),
      )
      const received: MessageShape<M['output']>[] = []
      let ended = false
      call.on('data', (message) => received.push(message))
      call.on('error', () => {
        ended = true
      })
      call.on('end', () => {
        ended = true
      })
      return {
        send: (message) => void call.write(message),
        received,
        end: () => call.end(),
        cancel: () => call.cancel(),
        get ended() {
          return ended
        },
      }
    },
    close: () => client.close(),
  }
}

/** What a call comes to, for comparison: the ids of cluster, member and term only as there or not. */
export async function outcome(call: Promise<unknown>): Promise<unknown> {
  try {
    return plain(await call)
  } catch (error) {
    const { code, details } = error as ServiceError
    return { code, details }
  }
}

/** A message as plain data. */
export function plain(value: unknown, name = ''): unknown {
  if (name === 'clusterId' || name === 'memberId' || name === 'raftTerm') return value !== 0n
  if (typeof value === 'bigint') return value.toString()
  if (value instanceof Uint8Array) return Buffer.from(value).toString('latin1')
  if (Array.isArray(value)) return value.map((one) => plain(one))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, plain(inner, key)]))
}

export type WatchCall = Duplex<MessageInitShape<typeof WatchRequestSchema>, WatchResponse>

/** Opens a Watch call with some watches. */
export function watch(on: Peer, ...watches: readonly MessageInitShape<typeof WatchCreateRequestSchema>[]): WatchCall {
  const call = on.stream(Watch.method.watch)
  for (const value of watches) call.send({ requestUnion: { case: 'createRequest', value: value as never } })
  return call
}

/** The events a Watch call has delivered for a watch, fragments and responses joined. */
export function eventsOf(call: WatchCall, id: bigint): Event[] {
  return call.received.filter((response) => response.watchId === id).flatMap((response) => response.events)
}

export const bytes = (text: string): Buffer => Buffer.from(text, 'latin1')
