import { create } from '@bufbuild/protobuf'
import type { Endpoint } from '../../src/endpoint.ts'
import { grpc } from '../../src/transports/grpc.ts'
import { EchoMessageSchema } from '../gen/echo_pb.ts'
import { method } from '../support/context.ts'
import { held } from '../support/memory.ts'

/** Handlers of `late` under way. */
let late = 0

/** A server with no limits but the defaults. `wait` waits for its caller to leave, `big` is answered with a MiB, `late` with the same after a while. Tells what it holds and has spent whenever asked. */
const endpoint = (async (one: { text: string }, { signal }) => {
  if (one.text === 'wait') await new Promise((resolve) => signal?.addEventListener('abort', resolve))
  if (one.text === 'late') {
    late++
    await new Promise((resolve) => setTimeout(resolve, 300))
    late--
  }
  return one.text === 'big' || one.text === 'late' ? create(EchoMessageSchema, { payload: new Uint8Array(1_048_576) }) : one
}) as Endpoint<{ text: string }> as Endpoint
const found = { method: method('unary'), endpoint }
const listener = await grpc().listen((path) => (path === found.method.path ? found : undefined), { address: '127.0.0.1:0' })
process.on('message', async () => {
  while (late > 0) await new Promise((resolve) => setTimeout(resolve, 20))
  // What the looking itself costs comes after.
  const { user, system } = process.cpuUsage()
  held()
  // What has been found to be free counts as such a little later, where the machine is busy.
  await new Promise((resolve) => setTimeout(resolve, 200))
  process.send?.({ cpu: (user + system) / 1000, bytes: held() })
})
process.on('disconnect', () => process.exit())
process.send?.(listener.address)
