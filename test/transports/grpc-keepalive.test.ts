import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { create } from '@bufbuild/protobuf'
import { describe, expect, it } from 'vitest'
import type { Endpoint } from '../../src/endpoint.ts'
import { PingIntervals } from '../../src/transports/grpc/ping-intervals.ts'
import { grpc } from '../../src/transports/grpc.ts'
import { EchoMessageSchema } from '../gen/echo_pb.ts'
import { contextOf, failure, method } from '../support/context.ts'
import { until } from '../support/echo.ts'
import { frame, type RawPeer, raw } from '../support/raw-http2.ts'

const hello = create(EchoMessageSchema, { text: 'hello' })
const [SETTINGS, PING, GOAWAY] = [4, 6, 7] as const
const usual = { interval: 1000, timeout: 100, growth: 1 }

describe('a client that is told too_many_pings', () => {
  it('asks that server half as often, and no other', () => {
    const pings = new PingIntervals(usual)
    pings.tooMany('a:1')
    pings.tooMany('a:1')
    pings.tooMany('b:1')
    expect(['a:1', 'b:1', 'c:1'].map((address) => pings.of(address)?.interval)).toEqual([4000, 2000, 1000])
  })

  it('never asks less often than a timer can tell, and remembers no more than a thousand servers', () => {
    const pings = new PingIntervals(usual)
    for (let i = 0; i < 40; i++) pings.tooMany('a:1')
    expect(pings.of('a:1')?.interval).toBe(0x7fffffff)
    for (let i = 0; i < 1000; i++) pings.tooMany(`b:${i}`)
    expect(pings.of('a:1')?.interval).toBe(1000)
    expect(pings.of('b:0')?.interval).toBe(2000)
  })

  it('needs not be told when it never asks', () => {
    const pings = new PingIntervals(undefined)
    pings.tooMany('a:1')
    expect(pings.of('a:1')).toBeUndefined()
  })

  it('waits twice as long on its next connection', async () => {
    const peers: RawPeer[] = []
    const server = createServer((socket) => {
      // The preface is no frame.
      socket.once('readable', () => {
        socket.read(24)
        const peer = raw(socket)
        peer.send(frame(SETTINGS, 0, 0))
        peers.push(peer)
      })
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    const transport = grpc({ keepalive: { interval: 1000, timeout: 60_000 } })
    async function firstPing(i: number): Promise<number> {
      const connection = transport.dial(`127.0.0.1:${port}`)
      const call = failure(connection.call(hello, contextOf()))
      await until('it is connected', () => (peers[i]?.frames.length ?? 0) > 0, 20_000)
      const begun = performance.now()
      await until('a PING', () => peers[i]?.frames.some(({ type }) => type === PING) === true, 20_000)
      const waited = performance.now() - begun
      const payload = Buffer.from('\0\0\0\0\0\0\0\x0btoo_many_pings', 'latin1')
      peers[i]?.send(frame(GOAWAY, 0, 0, payload))
      expect(await call).toMatchObject({ code: 'unavailable', message: expect.stringContaining('ENHANCE_YOUR_CALM too_many_pings') })
      await connection.close()
      peers[i]?.socket.destroy()
      return waited
    }
    expect(await firstPing(0)).toBeGreaterThan(500)
    expect(await firstPing(1)).toBeGreaterThan(1500)
    await new Promise((resolve) => server.close(resolve))
  })

  it('is told by a server of ours, and finds out how often it may ask', async () => {
    const endpoint: Endpoint = () => new Promise(() => {})
    const listener = await grpc({ server: { minPingInterval: 1500 } }).listen(() => ({ method: method('unary'), endpoint }), {
      address: '127.0.0.1:0',
    })
    const transport = grpc({ keepalive: { interval: 1000, timeout: 20_000 } })
    const first = transport.dial(listener.address)
    expect((await failure(first.call(hello, contextOf()))).message).toContain('too_many_pings')
    const second = transport.dial(listener.address)
    const call = failure(second.call(hello, contextOf({ deadline: performance.now() + 6500 })))
    expect(await call).toMatchObject({ code: 'deadline_exceeded' })
    await listener.close()
  }, 60_000)
})
