import { describe, expect, it } from 'vitest'
import type { Balancer, Load } from '../../src/balancer.ts'
import { RpcError } from '../../src/error.ts'
import { closeClient, createClient } from '../../src/index.ts'
import { onEnd } from '../../src/stream.ts'
import { MessageStream } from '../../src/transports/grpc/message-stream.ts'
import { grpc } from '../../src/transports/grpc.ts'
import { mucp } from '../../src/transports/mucp.ts'
import { Echo } from '../gen/echo_pb.ts'
import { startEcho, until } from '../support/echo.ts'

/** Two messages of one byte each, as they travel. */
const two = Buffer.from([0, 0, 0, 0, 1, 7, 0, 0, 0, 0, 1, 8])

describe('the end of a stream of messages', () => {
  it('is told after the last message, without another promise for each', async () => {
    const { stream, ends } = scene()
    expect(onEnd(stream, () => {})).toBe(stream)
    stream.push(two, 0, two.length)
    stream.end()
    const messages: number[] = []
    for await (const message of stream) {
      expect(ends).toEqual([])
      messages.push(message)
    }
    expect(messages).toEqual([7, 8])
    expect(ends).toEqual(['ok'])
  })

  it('is told once to everybody who asked', async () => {
    const { stream, ends } = scene()
    onEnd(stream, () => ends.push('too'))
    stream.end()
    for (let i = 0; i < 3; i++) await stream.next()
    await stream.return()
    expect(ends).toEqual(['ok', 'too'])
  })

  it('is told with the error it fails with at once, and to its reader after what came before', async () => {
    const { stream, ends } = scene()
    stream.push(two, 0, two.length)
    stream.end(new RpcError('aborted', 'x'))
    expect(ends).toEqual(['aborted'])
    await stream.next()
    await stream.next()
    await expect(stream.next()).rejects.toThrow('aborted: x')
    expect(ends).toEqual(['aborted'])
  })

  it('is told to who waits for a message', async () => {
    const { stream, ends } = scene()
    const next = stream.next()
    stream.fail(new RpcError('unavailable', 'lost'))
    await expect(next).rejects.toThrow('unavailable: lost')
    expect(ends).toEqual(['unavailable'])
  })

  it('is told as canceled when the consumer leaves', async () => {
    const { stream, ends } = scene()
    stream.push(two, 0, two.length)
    for await (const _ of stream) break
    expect(ends).toEqual(['canceled'])
  })

  it('is told, where nobody reads, as soon as nothing is left to be read', () => {
    const { stream, ends } = scene()
    stream.push(two, 0, two.length)
    stream.fail(new RpcError('deadline_exceeded', 'late'))
    expect(ends).toEqual(['deadline_exceeded'])
    onEnd(stream, (error) => ends.push(`${error?.code}, later`))
    expect(ends).toEqual(['deadline_exceeded', 'deadline_exceeded, later'])
    const empty = scene()
    empty.stream.end()
    expect(empty.ends).toEqual(['ok'])
  })

  it('is an error to its reader where a listener throws, and to nobody else', async () => {
    const { stream } = scene()
    onEnd(stream, () => {
      throw new Error('no metrics today')
    })
    const next = stream.next()
    stream.end()
    await expect(next).rejects.toThrow('no metrics today')
    expect(await stream.next()).toEqual({ done: true, value: undefined })
  })

  it.each([
    ['grpc', grpc],
    ['mucp', mucp],
  ])('ends what a call without a reader counts as load, when its deadline passes: %s', async (_, transport) => {
    const server = await startEcho({ transport: transport(), changes: { expand: ({ count }) => lasting(count) } })
    let [begun, ended] = [0, 0]
    const measure = (): Load => ({
      value: 0,
      start() {
        begun++
        return () => ended++
      },
    })
    const balancer: Balancer = { pick: (nodes) => nodes[0] as (typeof nodes)[0], measure }
    const echo = createClient(Echo, { addresses: [server.address], balancer, transport: transport() })
    for (const count of [0, 3]) echo.expand({ count }, { timeout: 300 })
    await until('both have begun', () => begun === 2)
    await until('both have ended', () => ended === 2)
    await closeClient(echo)
    await server.close()
  })
})

async function* lasting(count: number): AsyncGenerator<{ count: number }> {
  for (let i = 0; i < count; i++) yield { count: i }
  await new Promise(() => {})
}

function scene(): { stream: MessageStream<number>; ends: string[] } {
  const owner = { decode: (from: Buffer, start: number) => from[start] as number, release() {}, left() {} }
  const stream = new MessageStream<number>(owner, { maxReceiveBytes: 100, streamWindow: 65_536 }, '')
  const ends: string[] = []
  onEnd(stream, (error) => ends.push(error?.code ?? 'ok'))
  return { stream, ends }
}
