import { Writable } from 'node:stream'
import { describe, expect, it } from 'vitest'
import { Output } from '../../src/http2/output.ts'

describe('Output', () => {
  it('writes what a tick has produced at once', async () => {
    const { output, writes, tick } = scene()
    await tick(300)
    expect(writes).toEqual([300])
    expect(output.waiting).toBe(0)
  })

  it('begins early when the last tick sent much, in writes of growing size', async () => {
    const { writes, tick } = scene()
    await tick(4000)
    writes.length = 0
    await tick(4000)
    // A quarter of 4000; four times that is more than what is left.
    expect(writes).toEqual([1000, 3000])
    writes.length = 0
    await tick(8000)
    expect(writes).toEqual([1000, 4000, 3000])
  })

  it('does not make many small writes of little', async () => {
    const { writes, tick } = scene()
    await tick(400)
    writes.length = 0
    await tick(400)
    expect(writes).toEqual([300, 100])
  })

  it('takes no large buffer for each of many connections that send in one tick', async () => {
    const scenes = Array.from({ length: 1000 }, scene)
    const before = process.memoryUsage().arrayBuffers
    for (const { tick } of scenes) void tick(100)
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(8e6)
    await new Promise(setImmediate)
    expect(new Set(scenes.map(({ writes }) => `${writes}`))).toEqual(new Set(['100']))
  })

  it('tells those that wait when the peer takes bytes again, also when more was written meanwhile', async () => {
    const taken: (() => void)[] = []
    const socket = new Writable({ highWaterMark: 1e9, write: (_chunk, _encoding, done) => void taken.push(done) })
    const output = new Output(socket as never)
    let drained = 0
    output.onDrain = () => drained++
    const produce = async (bytes: number): Promise<void> => {
      for (let produced = 0; produced < bytes; produced += 16_000) output.length = output.reserve(16_000) + 16_000
      await new Promise(setImmediate)
    }
    const takeUntil = async (left: number): Promise<void> => {
      for (; output.waiting > left && taken.length > 0; await new Promise(setImmediate)) taken.shift()?.()
    }
    await produce(960_000)
    expect(output.blocked).toBe(true)
    await takeUntil(200_000)
    // What does not wait for the peer, such as headers, is written beyond its buffer.
    await produce(96_000)
    await takeUntil(0)
    expect([output.blocked, drained, output.waiting]).toEqual([false, 1, 0])
  })
})

/** An output whose ticks produce so many bytes, a hundred at a time. */
function scene(): { output: Output; writes: number[]; tick(bytes: number): Promise<void> } {
  const writes: number[] = []
  const socket = new Writable({
    write(chunk: Buffer, _encoding, done) {
      writes.push(chunk.length)
      done()
    },
  })
  const output = new Output(socket as never)
  return {
    output,
    writes,
    async tick(bytes) {
      for (let produced = 0; produced < bytes; produced += 100) output.length = output.reserve(100) + 100
      await new Promise(setImmediate)
    },
  }
}
