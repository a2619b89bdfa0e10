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
    fc.record({ push: fc.integer({ min: 1, max: 40_000 }), id: fc.constantFrom(1, 3, 5) }),
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
        const total = (of: Map<number, Buffer[]>, id: number): number => (of.get(id) ?? []).reduce((sum, { length }) => sum + length, 0)
        const read = (): void => {
          output.flush()
          for (let bytes: Buffer = socket.read() ?? Buffer.alloc(0); bytes.length > 0; ) {
            const end = 9 + bytes.readUIntBE(0, 3)
            sent.get(bytes.readUInt32BE(5))?.push(bytes.subarray(9, end))
            bytes = bytes.subarray(end)
          }
        }
        for (const each of turns) {
          if ('push' in each) {
            const bytes = Buffer.from(Array.from({ length: each.push }, () => next++))
            pushed.get(each.id)?.push(bytes)
            const stream = streams.get(each.id)
            if (stream !== undefined) sender.push(stream, bytes)
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
})
