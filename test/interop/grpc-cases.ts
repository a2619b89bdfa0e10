import assert from 'node:assert/strict'
import { once } from 'node:events'
import { protobuf } from '../../src/codecs/protobuf.ts'
import { type CallOptions, type Client, createClient, defineService, type Headers, RpcError } from '../../src/index.ts'
import type { grpc } from '../../src/transports/grpc.ts'
import { EmptySchema, type StreamingOutputCallResponse, TestService, UnimplementedService } from './gen/grpc/testing/test_pb.ts'

/** A client's case of gRPC's interop tests. Rejects when it fails. */
export type Case = (server: Target) => Promise<void>

/** A server to call. */
export interface Target {
  readonly addresses: readonly string[]
  readonly transport: ReturnType<typeof grpc>
}

type Test = Client<typeof TestService>

const requestSizes = [27_182, 8, 1828, 45_904]
const responseSizes = [31_415, 9, 2653, 58_979]
const body = (size: number) => ({ body: new Uint8Array(size) })
const status = { code: 2, message: 'test status message' }
const special = { code: 2, message: '\t\ntest with whitespace\r\nand Unicode BMP ☺ and non-BMP 😈\t\n' }
const bytes = new Uint8Array([0xa, 0xb, 0xa, 0xb, 0xa, 0xb])

/** By the names that they have in https://github.com/grpc/grpc/blob/master/doc/interop-test-descriptions.md. */
export const cases: Readonly<Record<string, Case>> = {
  empty_unary: test(async (client) => void (await client.emptyCall({}))),
  large_unary: test(async (client) => {
    const { payload } = await client.unaryCall({ responseSize: 314_159, payload: body(271_828) })
    assert.equal(payload?.body.length, 314_159)
  }),
  client_streaming: test(async (client) => {
    const { aggregatedPayloadSize } = await client.streamingInputCall(requestSizes.map((size) => ({ payload: body(size) })))
    assert.equal(aggregatedPayloadSize, 74_922)
  }),
  server_streaming: test(async (client) => {
    const responses = client.streamingOutputCall({ responseParameters: responseSizes.map((size) => ({ size })) })
    assert.deepEqual(await sizes(responses), responseSizes)
  }),
  ping_pong: test(async (client) => {
    let answered = (): void => {}
    async function* requests() {
      for (const [i, size] of requestSizes.entries()) {
        const answer = new Promise<void>((resolve) => {
          answered = resolve
        })
        yield { responseParameters: [{ size: responseSizes[i] ?? 0 }], payload: body(size) }
        await answer
      }
    }
    assert.deepEqual(await sizes(client.fullDuplexCall(requests()), () => answered()), responseSizes)
  }),
  empty_stream: test(async (client) => assert.deepEqual(await sizes(client.fullDuplexCall([])), [])),
  timeout_on_sleeping_server: test(async (client) => {
    // Connected, as a deadline that passes before that is `unavailable` to our channel: nobody could be asked.
    await client.emptyCall({})
    await fails('deadline_exceeded', sizes(client.fullDuplexCall(waiting(), { timeout: 1 })))
  }),
  cancel_after_begin: test(async (client) => {
    const abort = new AbortController()
    const call = client.streamingInputCall(waiting(), { signal: abort.signal })
    setTimeout(() => abort.abort(), 20)
    await fails('canceled', call)
  }),
  cancel_after_first_response: test(async (client) => {
    const abort = new AbortController()
    async function* requests() {
      yield { responseParameters: [{ size: 31_415 }], payload: body(27_182) }
      await once(abort.signal, 'abort')
    }
    await fails(
      'canceled',
      sizes(client.fullDuplexCall(requests(), { signal: abort.signal }), () => abort.abort()),
    )
  }),
  status_code_and_message: test(async (client) => {
    await fails('unknown', client.unaryCall({ responseStatus: status }), status.message)
    await fails('unknown', sizes(client.fullDuplexCall([{ responseStatus: status }])), status.message)
  }),
  special_status_message: test((client) => fails('unknown', client.unaryCall({ responseStatus: special }), special.message)),
  custom_metadata: test(async (client) => {
    await echoed((options) => client.unaryCall({ responseSize: 1, payload: body(1) }, options))
    await echoed((options) => sizes(client.fullDuplexCall([{ responseParameters: [{ size: 1 }], payload: body(1) }], options)))
  }),
  async unimplemented_method(server) {
    const empty = protobuf(EmptySchema)
    const contract = defineService('grpc.testing.TestService', { unimplementedCall: { kind: 'unary', input: empty, output: empty } })
    await using client = createClient(contract, server) as unknown as Client<typeof UnimplementedService>
    await fails('unimplemented', client.unimplementedCall({}))
  },
  async unimplemented_service(server) {
    await using client = createClient(UnimplementedService, server)
    await fails('unimplemented', client.unimplementedCall({}))
  },
  rpc_soak: test(async (client) => {
    for (let i = 0; i < 100; i++) await client.unaryCall({ responseSize: 314_159, payload: body(271_828) })
  }),
  async channel_soak(server) {
    for (let i = 0; i < 20; i++) await cases.large_unary?.(server)
  },
}

function test(run: (client: Test) => Promise<void>): Case {
  return async (server) => {
    await using client = createClient(TestService, server)
    await run(client)
  }
}

async function sizes(stream: AsyncIterable<StreamingOutputCallResponse>, each = (): void => {}): Promise<number[]> {
  const all: number[] = []
  for await (const { payload } of stream) {
    all.push(payload?.body.length ?? 0)
    each()
  }
  return all
}

async function* waiting() {
  yield { payload: body(27_182) }
  await new Promise((resolve) => setTimeout(resolve, 1000).unref())
}

async function fails(code: string, call: Promise<unknown>, message?: string): Promise<void> {
  const error = await call.then(
    () => assert.fail(`it succeeded, instead of ${code}`),
    (thrown: unknown) => RpcError.from(thrown),
  )
  assert.equal(error.code, code)
  if (message !== undefined) assert.equal(error.rawMessage, message)
}

async function echoed(call: (options: CallOptions) => Promise<unknown>): Promise<void> {
  let headers: Headers | undefined
  let trailers: Headers | undefined
  await call({
    headers: { 'x-grpc-test-echo-initial': 'test_initial_metadata_value', 'x-grpc-test-echo-trailing-bin': bytes },
    onHeaders: (all) => {
      headers = all
    },
    onTrailers: (all) => {
      trailers = all
    },
  })
  assert.equal(headers?.get('x-grpc-test-echo-initial'), 'test_initial_metadata_value')
  assert.deepEqual(trailers?.getBytes('x-grpc-test-echo-trailing-bin'), bytes)
}
