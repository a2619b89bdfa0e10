import assert from 'node:assert/strict'
import { createClient, RpcError } from '../../src/index.ts'
import { grpc } from '../../src/transports/grpc.ts'
import { TestService } from './gen/grpc/testing/test_pb.ts'

/**
 * A client of ours that asks too often, of a server that by default leaves who asks more than once in five minutes: told `too_many_pings`, it
 * asks half as often on its next connection, so that this one lasts twice as long. https://github.com/grpc/proposal/blob/master/A8-client-side-keepalive.md
 */
export async function keepaliveBackOff(address: string): Promise<void> {
  const transport = grpc({ keepalive: { interval: 1000, timeout: 10_000 } })
  const first = await untilLeft()
  const second = await untilLeft()
  assert.ok(first > 2500, `the first connection lasted ${first} ms`)
  assert.ok(second > first + 2500, `the first connection lasted ${first} ms, and the second only ${second}`)

  /** Milliseconds that a connection lasts whose call waits. */
  async function untilLeft(): Promise<number> {
    const leave = new AbortController()
    await using client = createClient(TestService, { addresses: [address], transport })
    await client.emptyCall({})
    const begun = performance.now()
    async function* nothing(): AsyncGenerator<never> {
      await new Promise((resolve) => leave.signal.addEventListener('abort', resolve))
    }
    try {
      for await (const _ of client.fullDuplexCall(nothing(), { timeout: 60_000 }));
      assert.fail('the call ended well')
    } catch (thrown) {
      const { message } = RpcError.from(thrown)
      assert.match(message, /ENHANCE_YOUR_CALM too_many_pings/)
      return performance.now() - begun
    } finally {
      leave.abort()
    }
  }
}
