import { protobufService } from '../../src/codecs/protobuf.ts'
import type { Context, Endpoint } from '../../src/endpoint.ts'
import { RpcError } from '../../src/error.ts'
import { Headers } from '../../src/headers.ts'
import type { Method } from '../../src/service.ts'
import { Echo } from '../gen/echo_pb.ts'

const { methods } = protobufService(Echo)

/** The methods of the test contract: `unary` is idempotent, `once` is not; `collect`, `expand` and `chat` stream. */
export function method(name: 'unary' | 'once' | 'collect' | 'expand' | 'chat'): Method {
  const found = methods[name]
  if (found === undefined) throw new Error(`no method ${name}`)
  return found
}

export function contextOf(extra: Partial<Context> = {}): Context & { instance?: Context['instance'] } {
  return { method: method('unary'), headers: new Headers(), ...extra }
}

/** An endpoint that plays a list of answers, one per call: errors are thrown, everything else is returned. */
export function playing(...answers: readonly unknown[]): Endpoint & { readonly contexts: Context[]; readonly requests: unknown[] } {
  const contexts: Context[] = []
  const requests: unknown[] = []
  const endpoint: Endpoint = async (request, context) => {
    const answer = answers[contexts.length]
    context.instance = { id: `n${contexts.length}`, service: 'test', address: `10.0.0.1:${contexts.length}` }
    contexts.push(context)
    requests.push(request)
    if (answer instanceof Error) throw answer
    return answer
  }
  return Object.assign(endpoint, { contexts, requests })
}

export async function* streamOf<T>(...items: readonly (T | Error)[]): AsyncGenerator<T> {
  for (const item of items) {
    if (item instanceof Error) throw item
    yield item
  }
}

export async function collect<T>(stream: AsyncIterable<T>): Promise<T[]> {
  const items: T[] = []
  for await (const item of stream) items.push(item)
  return items
}

/** What a promise rejects with, which must be an RpcError. */
export async function failure(promise: Promise<unknown>): Promise<RpcError> {
  try {
    await promise
  } catch (error) {
    if (error instanceof RpcError) return error
    throw new Error(`rejected with something else than an RpcError: ${error}`)
  }
  throw new Error('did not reject')
}

/** A stream of numbers in [0, 1) that is the same every time (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}
