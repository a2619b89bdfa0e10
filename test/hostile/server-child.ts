import { create } from '@bufbuild/protobuf'
import type { Endpoint } from '../../src/endpoint.ts'
import { grpc } from '../../src/transports/grpc.ts'
import { EchoMessageSchema } from '../gen/echo_pb.ts'
import { method } from '../support/context.ts'
import { held } from '../support/memory.ts'

/** A server with no limits but the defaults. `wait` waits for its caller to leave, `big` is answered with a MiB. Tells what it holds and has spent whenever asked. */
const endpoint = (async (one: { text: string }, { signal }) => {
  if (one.text === 'wait') await new Promise((resolve) => signal?.addEventListener('abort', resolve))
  return one.text === 'big' ? create(EchoMessageSchema, { payload: new Uint8Array(1_048_576) }) : one
}) as Endpoint<{ text: string }> as Endpoint
const found = { method: method('unary'), endpoint }
const listener = await grpc().listen((path) => (path === found.method.path ? found : undefined), { address: '127.0.0.1:0' })
process.on('message', () => {
  // What the looking itself costs comes after.
  const { user, system } = process.cpuUsage()
  process.send?.({ cpu: (user + system) / 1000, bytes: held() })
})
process.on('disconnect', () => process.exit())
process.send?.(listener.address)
