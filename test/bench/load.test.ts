import { describe, expect, it } from 'vitest'
import { type Calls, conversation, type Echo, request, run } from '../../bench/harness/load.ts'

const message: Echo = { text: 'a', payload: new Uint8Array(3), count: 0 }
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

/** A connection that answers in a turn of the event loop, and of each server stream leaves some messages out. */
function answering(missing = 0): Calls {
  return {
    async hello() {
      await turn()
      return request
    },
    async echo(sent) {
      await turn()
      return missing === 0 ? sent : { ...sent, payload: new Uint8Array(0) }
    },
    async expand({ count }, each) {
      await turn()
      for (let i = missing; i < count; i++) each()
    },
    async chat(talk) {
      const { requests, received } = conversation(talk)
      for await (const _ of requests()) {
        await turn()
        received()
      }
    },
  }
}

describe('a load', () => {
  it.each(['hello', 'echo'] as const)('of %s counts calls and times them', async (kind) => {
    const measured = await run({ kind, inFlight: 4, bytes: 10, ms: 250 }, [answering(), answering()])
    expect(measured.count).toBeGreaterThan(0)
    expect(measured.maxUs).toBeGreaterThanOrEqual(measured.p50us)
    expect(measured.seconds).toBeGreaterThanOrEqual(0.25)
  })

  it.each(['expand', 'chat'] as const)('of %s counts messages', async (kind) => {
    const { count, maxUs } = await run({ kind, inFlight: 1, ms: 250 }, [answering()])
    expect(count).toBeGreaterThan(0)
    expect(maxUs).toBe(0)
    if (kind === 'expand') expect(count % 1000).toBe(0)
  })

  it('of both times the small calls and counts the bytes beside them', async () => {
    const { count, streamed = 0 } = await run({ kind: 'mixed', inFlight: 2, bytes: 10, ms: 250 }, [answering()])
    expect(count).toBeGreaterThan(0)
    expect(streamed).toBeGreaterThan(0)
    expect(streamed % 10).toBe(0)
  })

  it('fails when less comes back than was sent', async () => {
    await expect(run({ kind: 'echo', inFlight: 1, bytes: 10, ms: 250 }, [answering(1)])).rejects.toThrow('sent 10 bytes, got 0')
    await expect(run({ kind: 'expand', inFlight: 1, ms: 250 }, [answering(1)])).rejects.toThrow('999 messages of 1000 came')
  })
})

describe('a conversation', () => {
  it('sends so many messages ahead, then one for each that came back, until it is over', async () => {
    let over = false
    let came = 0
    const { requests, received } = conversation({ ahead: 2, message, received: () => came++, over: () => over })
    const stream = requests()
    expect([await stream.next(), await stream.next()]).toEqual([
      { done: false, value: message },
      { done: false, value: message },
    ])
    const third = stream.next()
    expect(await Promise.race([third, turn()])).toBeUndefined()
    received()
    expect(await third).toEqual({ done: false, value: message })
    expect(came).toBe(1)
    over = true
    expect((await stream.next()).done).toBe(true)
  })
})
