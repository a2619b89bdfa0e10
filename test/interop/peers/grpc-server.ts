/** The server of gRPC's interop tests. Arguments: certificate and key, for TLS. https://github.com/grpc/grpc/blob/master/doc/interop-test-descriptions.md */
import { readFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { type Context, codeFromNumber, createServer, RpcError } from '../../../src/index.ts'
import { grpc } from '../../../src/transports/grpc.ts'
import { type EchoStatus, type ResponseParameters, TestService } from '../gen/grpc/testing/test_pb.ts'

const [cert, key] = process.argv.slice(2).map((file) => readFileSync(file, 'utf8'))
const transport = cert === undefined ? grpc() : grpc({ tls: { cert, key } })
const server = createServer({ name: 'interop', id: 'beckon', address: '127.0.0.1:0', transport })
server.handle(TestService, {
  emptyCall: () => ({}),
  unaryCall({ responseSize, responseStatus }, context) {
    echo(context)
    check(responseStatus)
    return { payload: { body: new Uint8Array(responseSize) }, serverId: 'beckon' }
  },
  streamingOutputCall: ({ responseParameters }) => answers(responseParameters),
  async streamingInputCall(requests) {
    let size = 0
    for await (const { payload } of requests) size += payload?.body.length ?? 0
    return { aggregatedPayloadSize: size }
  },
  async *fullDuplexCall(requests, context) {
    echo(context)
    for await (const { responseParameters, responseStatus } of requests) {
      check(responseStatus)
      yield* answers(responseParameters)
    }
  },
  async *halfDuplexCall(requests) {
    const all: ResponseParameters[] = []
    for await (const { responseParameters } of requests) all.push(...responseParameters)
    yield* answers(all)
  },
})
await server.start()
console.log(server.address)

async function* answers(parameters: readonly ResponseParameters[]) {
  for (const { size, intervalUs } of parameters) {
    if (intervalUs > 0) await delay(intervalUs / 1000)
    yield { payload: { body: new Uint8Array(size) } }
  }
}

function echo({ headers, replyHeaders, replyTrailers }: Context): void {
  const initial = headers.get('x-grpc-test-echo-initial')
  const trailing = headers.getBytes('x-grpc-test-echo-trailing-bin')
  if (initial !== undefined) replyHeaders?.set('x-grpc-test-echo-initial', initial)
  if (trailing !== undefined) replyTrailers?.set('x-grpc-test-echo-trailing-bin', trailing)
}

function check(status: EchoStatus | undefined): void {
  if (status !== undefined && status.code !== 0) throw new RpcError(codeFromNumber(status.code), status.message)
}
