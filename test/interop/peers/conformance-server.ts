/** The conformance suite's server under test: told on stdin what to be, it says on stdout where it listens. */
import { create } from '@bufbuild/protobuf'
import { protobufService } from '../../../src/codecs/protobuf.ts'
import { RpcError } from '../../../src/error.ts'
import type { Route } from '../../../src/transport.ts'
import { grpc } from '../../../src/transports/grpc.ts'
import { answers } from '../conformance/answers.ts'
import { read, write } from '../conformance/stdio.ts'
import { ServerCompatRequestSchema, ServerCompatResponseSchema } from '../gen/connectrpc/conformance/v1/server_compat_pb.ts'
import { ConformanceService } from '../gen/connectrpc/conformance/v1/service_pb.ts'

const routes = new Map<string, Route>()
for (const [name, method] of Object.entries(protobufService(ConformanceService).methods)) {
  const endpoint = answers[name] ?? (() => Promise.reject(new RpcError('unimplemented', `${name} is not implemented`)))
  routes.set(method.path, { method, endpoint })
}

for await (const { useTls, serverCreds, clientTlsCert, messageReceiveLimit } of read(ServerCompatRequestSchema)) {
  const client = clientTlsCert.length > 0 ? { ca: clientTlsCert, requestCert: true } : {}
  const transport = grpc({
    ...(messageReceiveLimit > 0 && { maxReceiveBytes: messageReceiveLimit }),
    ...(useTls && { tls: { cert: serverCreds?.cert, key: serverCreds?.key, ...client } }),
  })
  const { address } = await transport.listen((path) => routes.get(path), { address: '127.0.0.1:0' })
  const port = Number(address.slice(address.lastIndexOf(':') + 1))
  const pemCert = useTls ? { pemCert: serverCreds?.cert ?? new Uint8Array() } : {}
  write(ServerCompatResponseSchema, create(ServerCompatResponseSchema, { host: '127.0.0.1', port, ...pemCert }))
}
