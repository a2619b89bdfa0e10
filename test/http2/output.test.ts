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
