import { PassThrough } from 'node:stream'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Encoder } from '../../src/http2/encoder.ts'
import { Output } from '../../src/http2/output.ts'
import { Sender } from '../../src/http2/sender.ts'
import { ReceiveWindow } from '../../src/http2/window.ts'

describe('a receiving window', () => {
  it('turns down more than it has', () => {
    const window = new ReceiveWindow(100)
    expect(window.receive(100)).toBe(true)
    expect(window.receive(1)).toBe(false)
  })

  it('gives nothing back for what is held, and all of it in the end', () => {
    const window = new ReceiveWindow(100)
    window.receive(100)
    expect(window.held).toBe(100)
    expect(window.release(30)).toBe(30)
    expect(window.release(1)).toBe(0)
    expect(window.release(69)).toBe(70)
  })

  it('never keeps a peer waiting for ever, whatever is held', () => {
    fc.assert(
      fc.property(fc.nat(99), fc.array(fc.integer({ min: 1, max: 40 }), { maxLength: 50 }), (held, sizes) => {
        const window = new ReceiveWindow(100)
        let free = 100 - held
        window.receive(held)
        for (const size of sizes) {
          const sent = Math.min(size, free)
          expect(sent).toBeGreaterThan(0)
          window.receive(sent)
          free += window.release(sent) - sent
        }
      }),
    )
  })

  it('does not tell the peer of every byte', () => {
    const window = new ReceiveWindow(1000)
    let updates = 0
    for (let i = 0; i < 10_000; i++) {
      window.receive(1)
      if (window.release(1) > 0) updates++
    }
    expect(updates).toBe(20)
  })
})

describe('a sender', () => {
  const turn = fc.oneof(
    fc.record({ push: fc.integer({ min: 1, max: 40_000 }), lent: fc.boolean(), id: fc.constantFrom(1, 3, 5) }),
    fc.record({ place: fc.array(fc.integer({ min: 0, max: 6000 }), { minLength: 1, maxLength: 8 }), id: fc.constantFrom(1, 3, 5) }),
    fc.record({ credit: fc.integer({ min: 1, max: 30_000 }), id: fc.constantFrom(0, 1, 3, 5) }),
    fc.record({ shift: fc.integer({ min: -20_000, max: 20_000 }) }),
  )

  it('sends every byte of every stream in order, and never more than windows allow', () => {
    fc.assert(
      fc.property(fc.array(turn, { maxLength: 60 }), (turns) => {
        const sent = new Map<number, Buffer[]>([
          [1, []],
          [3, []],
          [5, []],
        ])
        const socket = new PassThrough({ highWaterMark: 1e9 })
        const output = new Output(socket)
        const sender = new Sender(output, new Encoder())
        const pushed = new Map<number, Buffer[]>([
          [1, []],
          [3, []],
          [5, []],
        ])
        const allowed = new Map<number, number>([
          [0, 65_535],
          [1, 1000],
          [3, 1000],
          [5, 1000],
        ])
        const streams = new Map([1, 3, 5].map((id) => [id, sender.open(id, 1000)]))
        let next = 0
        const bytesOf = (length: number): Buffer => Buffer.from(Array.from({ length }, () => next++))
        const total = (of: Map<number, Buffer[]>, id: number): number => (of.get(id) ?? []).reduce((sum, { length }) => sum + length, 0)
        const read = (): void => {
          output.flush()
          for (let bytes = readAll(socket); bytes.length > 0; ) {
            const end = 9 + bytes.readUIntBE(0, 3)
            const id = bytes.readUInt32BE(5)
            expect(end - 9).toBeLessThanOrEqual(16_384)
            sent.get(id)?.push(bytes.subarray(9, end))
            const all = total(sent, 1) + total(sent, 3) + total(sent, 5)
            expect([total(sent, id) <= (allowed.get(id) ?? 0), all <= (allowed.get(0) ?? 0)]).toEqual([true, true])
            bytes = bytes.subarray(end)
          }
        }
        for (const each of turns) {
          if ('push' in each) {
            const before = bytesOf(5)
            const bytes = bytesOf(each.push)
            pushed.get(each.id)?.push(before, Buffer.from(bytes))
            const stream = streams.get(each.id)
            if (stream !== undefined) sender.push(stream, bytes, before, each.lent)
            if (each.lent) bytes.fill(0)
          } else if ('place' in each) {
            const stream = streams.get(each.id)
            for (const length of each.place) {
              const at = stream === undefined ? -1 : sender.place(stream)
              if (stream === undefined || at < 0 || at + length > sender.limit) continue
              const bytes = bytesOf(length)
              pushed.get(each.id)?.push(bytes)
              bytes.copy(output.buffer, at)
              sender.placed(stream, at, at + length)
            }
          } else if ('shift' in each) {
            for (const id of [1, 3, 5]) allowed.set(id, (allowed.get(id) ?? 0) + each.shift)
            sender.shift(each.shift)
          } else {
            allowed.set(each.id, (allowed.get(each.id) ?? 0) + each.credit)
            const stream = streams.get(each.id)
            if (stream !== undefined) sender.credit(stream, each.credit)
            else {
              sender.window += each.credit
              sender.pump()
            }
          }
          read()
        }
        for (const id of [1, 3, 5]) {
          const got = Buffer.concat(sent.get(id) ?? [])
          expect(got.equals(Buffer.concat(pushed.get(id) ?? []).subarray(0, got.length))).toBe(true)
        }
        for (const id of [0, 1, 3, 5]) allowed.set(id, 1e9)
        for (const stream of streams.values()) {
          stream.window = 1e6
          sender.credit(stream, 1)
        }
        sender.window = 1e9
        sender.pump()
        read()
        for (const id of [1, 3, 5]) expect(total(sent, id)).toBe(total(pushed, id))
      }),
      { numRuns: 200 },
    )
  })

  it('puts what is written in place one after the other into one frame', () => {
    const socket = new PassThrough()
    const output = new Output(socket)
    const sender = new Sender(output, new Encoder())
    const streams = [sender.open(1, 65_535), sender.open(3, 65_535)] as const
    for (const [stream, text] of [
      [0, 'ab'],
      [0, 'cd'],
      [1, 'ef'],
      [0, 'gh'],
    ] as const) {
      const at = sender.place(streams[stream])
      output.buffer.write(text, at)
      sender.placed(streams[stream], at, at + 2)
    }
    output.flush()
    const frames = [
      ...readAll(socket)
        .toString('latin1')
        .matchAll(/\0\0(.)\0\0\0\0\0(.)(\w*)/gs),
    ]
    expect(frames.map(([, length, id, text]) => [length?.charCodeAt(0), id?.charCodeAt(0), text])).toEqual([
      [4, 1, 'abcd'],
      [2, 3, 'ef'],
      [2, 1, 'gh'],
    ])
  })

  it('lets nothing past what waits on the stream', () => {
    const sender = new Sender(new Output(new PassThrough()), new Encoder())
    const stream = sender.open(1, 10)
    sender.push(stream, Buffer.alloc(11))
    stream.window = 5
    expect(sender.place(stream)).toBe(-1)
  })
})

/** What has come. A single `read` gives all of it in Node 20 and 24, and its first chunk in Node 26. */
function readAll(socket: PassThrough): Buffer {
  const chunks: Buffer[] = []
  for (let chunk: Buffer | null = socket.read(); chunk !== null; chunk = socket.read()) chunks.push(chunk)
  return Buffer.concat(chunks)
}
