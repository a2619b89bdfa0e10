import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Client, closeClient, createClient, type Server } from '../../src/index.ts'
import { Echo } from '../gen/echo_pb.ts'
import { startEcho } from '../support/echo.ts'

/** Around the sizes of frames, of buffers and of windows. */
const sizes = [0, 1, 4000, 16_350, 16_400, 20_000, 65_500, 66_600, 100_000, 262_140, 300_000, 1_000_000, 3_000_000]

/** Tells its place from any other's. */
function payload(size: number, salt: number): Uint8Array {
  const bytes = new Uint8Array(size)
  for (let i = 0; i < size; i++) bytes[i] = (i * 31 + (i >>> 8) + salt) & 255
  return bytes
}

const same = (one: Uint8Array, other: Uint8Array): boolean => Buffer.compare(one, other) === 0

describe('messages of any size', () => {
  let server: Server
  let client: Client<typeof Echo>
  beforeAll(async () => {
    server = await startEcho({
      changes: {
        async *expand({ count }) {
          for (let i = 0; i < count; i++) yield { count: i, payload: payload(sizes[i % sizes.length] ?? 0, i) }
        },
        async collect(requests) {
          let count = 0
          for await (const request of requests)
            if (same(request.payload, payload(sizes[request.count % sizes.length] ?? 0, request.count))) count++
          return { count }
        },
      },
    })
    client = createClient(Echo, { addresses: [server.address] })
  })
  afterAll(async () => {
    await closeClient(client)
    await server.close()
  })

  const all = Array.from({ length: sizes.length * 2 }, (_, i) => ({ count: i, payload: payload(sizes[i % sizes.length] ?? 0, i) }))

  it('arrive whole, many at once', async () => {
    const replies = await Promise.all(all.map((one) => client.unary(one)))
    for (const [i, reply] of replies.entries()) expect([i, same(reply.payload, all[i]?.payload ?? payload(1, 1))]).toEqual([i, true])
  })

  it('arrive whole in streams, also beside one another', async () => {
    const one = async (): Promise<void> => {
      let next = 0
      for await (const { count, payload: came } of client.expand({ count: all.length })) {
        expect([count, same(came, all[next]?.payload ?? payload(1, 1))]).toEqual([next, true])
        next++
      }
      expect(next).toBe(all.length)
    }
    await Promise.all([one(), one(), one()])
  })

  it('arrive whole at the server', async () => {
    expect((await client.collect(all)).count).toBe(all.length)
  })

  it('go back and forth whole', async () => {
    let next = 0
    for await (const { payload: came } of client.chat(all)) expect(same(came, all[next++]?.payload ?? payload(1, 1))).toBe(true)
    expect(next).toBe(all.length)
  })
})
