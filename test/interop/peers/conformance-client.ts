/** The conformance suite's client under test: told on stdin which calls to make, it says on stdout what came of them. */
import { create } from '@bufbuild/protobuf'
import { call } from '../conformance/call.ts'
import { read, write } from '../conformance/stdio.ts'
import { ClientCompatRequestSchema, ClientCompatResponseSchema } from '../gen/connectrpc/conformance/v1/client_compat_pb.ts'

const atOnce = 8
const running = new Set<Promise<void>>()
for await (const request of read(ClientCompatRequestSchema)) {
  const { testName } = request
  const one = call(request)
    .then(
      (value) => create(ClientCompatResponseSchema, { testName, result: { case: 'response', value } }),
      (error: Error) =>
        create(ClientCompatResponseSchema, { testName, result: { case: 'error', value: { message: String(error.stack) } } }),
    )
    .then((response) => write(ClientCompatResponseSchema, response))
    .finally(() => running.delete(one))
  running.add(one)
  if (running.size >= atOnce) await Promise.race(running)
}
await Promise.all(running)
