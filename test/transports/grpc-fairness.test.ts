import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { bidi, clientStream, serverStream } from '../../src/codecs/json.ts'
import type { Context, Endpoint } from '../../src/endpoint.ts'
import { defineService } from '../../src/service.ts'
import type { Connection, Listener } from '../../src/transport.ts'
import { grpc } from '../../src/transports/grpc.ts'
import { contextOf } from '../support/context.ts'

const { methods } = defineService('test.Endless', {
  gives: serverStream<object, object>(),
  takes: clientStream<object, object>(),
  both: bidi<object, object>(),
})

/** How many messages came in a row, at most, without anything else of the process having its turn. */
let inRow = 0
let longest = 0
const count = (): void => {
  longest = Math.max(longest, ++inRow)
}

/** Never waits for anything, so that only the transport can let go. */
async function* endless(): AsyncGenerator<object> {
  for (;;) {
    count()
    yield {}
  }
}

let taken = 0
const handlers: Record<string, (request: never) => unknown> = {
  Gives: () => endless(),
  async Takes(requests: AsyncIterable<object>) {
    for await (const _ of requests) taken++
    return {}
  },
  Both: (requests: AsyncIterable<object>) => requests,
}

let listener: Listener
let connection: Connection
beforeAll(async () => {
  listener = await grpc().listen(
    (path) => {
      const method = Object.values(methods).find((one) => one.path === path)
      return method && { method, endpoint: (async (request: unknown) => handlers[method.name]?.(request as never)) as Endpoint }
    },
    { address: '127.0.0.1:0' },
  )
  connection = grpc().dial(listener.address)
})
afterAll(async () => {
  await connection.close()
  await listener.close()
})

let turning: NodeJS.Immediate
beforeEach(() => {
  inRow = longest = 0
  const turn = (): void => {
    inRow = 0
    turning = setImmediate(turn)
  }
  turn()
})
afterEach(() => clearImmediate(turning))

const within = (ms: number, method: Context['method']): ReturnType<typeof contextOf> =>
  contextOf({ method, deadline: performance.now() + ms })

describe('a stream that never waits', () => {
  it('as an answer lets deadlines pass and other calls through', async () => {
    const stream = (await connection.call({}, within(1000, methods.gives))) as AsyncIterable<object>
    let read = 0
    const error = await (async () => {
      for await (const _ of stream) read++
    })().catch((one) => one)
    expect(error).toMatchObject({ code: 'deadline_exceeded' })
    expect(read).toBeGreaterThan(128)
    expect(longest).toBeLessThanOrEqual(128)
  })

  it('as a request lets deadlines pass', async () => {
    const error = await connection.call(endless(), within(1000, methods.takes)).catch((one) => one)
    expect(error).toMatchObject({ code: 'deadline_exceeded' })
    expect(taken).toBeGreaterThan(128)
    expect(longest).toBeLessThanOrEqual(128)
  })

  it('does not keep a reader with a full inbox from letting others have their turn', async () => {
    const many = 20_000
    async function* requests(): AsyncGenerator<object> {
      for (let i = 0; i < many; i++) yield { i }
    }
    const stream = (await connection.call(requests(), contextOf({ method: methods.both }))) as AsyncIterable<{ i: number }>
    // What is there by now is read from memory.
    await new Promise((resolve) => setTimeout(resolve, 100))
    const all: { i: number }[] = []
    for await (const one of stream) {
      count()
      all.push(one)
    }
    expect(longest).toBeLessThanOrEqual(128)
    expect(all.map(({ i }) => i)).toEqual(Array.from({ length: many }, (_, i) => i))
  })
})
