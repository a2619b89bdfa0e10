import fc from 'fast-check'
import { describe, expect, it, vi } from 'vitest'
import { Deadlines, type Timed } from '../../src/transports/grpc/deadlines.ts'
import { Inbox } from '../../src/transports/grpc/inbox.ts'
import { MessageStream } from '../../src/transports/grpc/message-stream.ts'
import { Ring } from '../../src/transports/grpc/ring.ts'
import { readMessage, writeMessage } from '../../src/transports/grpc/status.ts'
import { readStatusDetails, writeStatusDetails } from '../../src/transports/grpc/status-details.ts'
import { readTimeout, roundTimeout, writeTimeout } from '../../src/transports/grpc/timeout.ts'
import { message } from '../support/raw-http2.ts'

describe('messages in a stream', () => {
  it('come out as they went in, wherever they are split', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 50 })), fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1 }), (all, cuts) => {
        const bytes = Buffer.concat(all.map(message))
        const inbox = new Inbox({ maxReceiveBytes: 50, streamWindow: 65_536 }, '')
        const got: Uint8Array[] = []
        for (const [at, end] of pieces(bytes.length, cuts)) {
          inbox.push(bytes, at, end)
          while (inbox.next()) got.push(Uint8Array.from(inbox.from.subarray(inbox.start, inbox.end)))
        }
        expect(got).toEqual(all.map((one) => Uint8Array.from(one)))
        expect(inbox.length).toBe(0)
      }),
    )
  })

  it('keep memory that is their own, and take no more than the limit allows', () => {
    const sizes = fc.array(fc.oneof(fc.integer({ min: 0, max: 300 }), fc.integer({ min: 30_000, max: 200_000 })), { maxLength: 8 })
    fc.assert(
      fc.property(sizes, fc.array(fc.integer({ min: 1, max: 70_000 }), { minLength: 1 }), fc.nat(3), (all, cuts, patience) => {
        const messages = all.map((length, i) => Buffer.alloc(length, i + 1))
        const bytes = Buffer.concat(messages.map(message))
        const inbox = new Inbox({ maxReceiveBytes: 200_000, streamWindow: 65_536 }, '')
        const got: Uint8Array[] = []
        let turn = 0
        const take = (): void => {
          while (inbox.next()) {
            const one = inbox.from.subarray(inbox.start, inbox.end)
            got.push(inbox.own ? one : Buffer.from(one))
            if (inbox.length === 0) inbox.rest()
          }
        }
        for (const [at, end] of pieces(bytes.length, cuts)) {
          inbox.push(bytes, at, end)
          if (turn++ % (patience + 1) === 0) take()
        }
        take()
        expect(got.length).toBe(messages.length)
        for (const [i, one] of got.entries()) expect(messages[i]?.equals(one)).toBe(true)
      }),
      { numRuns: 60 },
    )
  })

  it('are turned down over the limit before they are there', () => {
    const inbox = new Inbox({ maxReceiveBytes: 10, streamWindow: 65_536 }, '')
    inbox.push(Buffer.from([0, 0, 0, 0, 11]), 0, 5)
    expect(() => inbox.next()).toThrow(/11 bytes is over the limit of 10 \(maxReceiveBytes\)/)
  })
})

describe('a stream of messages', () => {
  const reading = fc.record({
    sizes: fc.array(fc.oneof(fc.nat(20), fc.integer({ min: 9000, max: 60_000 })), { maxLength: 40 }),
    cuts: fc.array(fc.oneof(fc.integer({ min: 1, max: 60 }), fc.integer({ min: 1000, max: 70_000 })), { minLength: 1 }),
    /** How many messages are asked for before each piece comes. */
    asked: fc.array(fc.nat(4), { minLength: 1 }),
  })

  it('gives every message in order to whoever asked, early or late, and all room back', async () => {
    await fc.assert(
      fc.asyncProperty(reading, async ({ sizes, cuts, asked }) => {
        const messages = sizes.map((length, i) => Buffer.alloc(length, i + 1))
        const bytes = Buffer.concat(messages.map(message))
        let released = 0
        const stream = new MessageStream<Buffer>(
          {
            decode: (from, start, end) => Buffer.from(from.subarray(start, end)),
            release: (count) => {
              released += count
            },
            left: () => {},
          },
          { maxReceiveBytes: 100_000, streamWindow: 65_536 },
          '',
        )
        const got: Promise<IteratorResult<Buffer>>[] = []
        for (const [at, end] of pieces(bytes.length, cuts)) {
          for (let i = asked[got.length % asked.length] ?? 0; i > 0; i--) got.push(stream.next())
          // Its memory is used again.
          const chunk = Buffer.from(bytes.subarray(at, end))
          stream.push(chunk, 0, chunk.length)
          chunk.fill(255)
        }
        stream.end()
        while (got.length <= messages.length) got.push(stream.next())
        const results = await Promise.all(got)
        expect(results.map(({ done }) => done ?? false)).toEqual(results.map((_, i) => i >= messages.length))
        for (const [i, one] of messages.entries()) expect(one.equals(results[i]?.value)).toBe(true)
        expect(released).toBe(bytes.length)
      }),
    )
  })
})

/** Where pieces of so many bytes begin and end that are cut like this, again and again. */
function pieces(length: number, cuts: readonly number[]): [number, number][] {
  const all: [number, number][] = []
  for (let at = 0, i = 0; at < length; i++) {
    const end = Math.min(length, at + (cuts[i % cuts.length] ?? 1))
    all.push([at, end])
    at = end
  }
  return all
}

describe('grpc-timeout', () => {
  it.each([
    ['1H', 3_600_000],
    ['2M', 120_000],
    ['3S', 3000],
    ['4m', 4],
    ['5000u', 5],
    ['6000000n', 6],
  ])('%s is %d ms', (text, ms) => expect(readTimeout(text)).toBeCloseTo(ms))

  it.each(['', '1', 'm', '123456789m', '-1m', '1.5S', '1x'])('is not %j', (text) => expect(readTimeout(text)).toBeUndefined())

  it.each([
    [0.2, '1m'],
    [499.5, '500m'],
    [501, '510m'],
    [4991, '5000m'],
    [5001, '5100m'],
    [49_901, '50000m'],
    [50_001, '51000m'],
    [99_999_000, '99999000m'],
    [1e8, '100000S'],
    [99_999_999_000, '99999999S'],
    [1e11, '27778H'],
    [4e14, '99999999H'],
  ])('of %d ms is %s', (ms, text) => expect(writeTimeout(roundTimeout(ms))).toBe(text))

  it('has at most eight digits, and is never shorter nor much longer than meant', () => {
    fc.assert(
      fc.property(fc.double({ min: 0.001, max: 1e11, noNaN: true }), (ms) => {
        const text = writeTimeout(roundTimeout(ms))
        const read = readTimeout(text) ?? 0
        expect(text).toMatch(/^\d{1,8}[mSH]$/)
        expect(read).toBeGreaterThanOrEqual(ms)
        expect(read).toBeLessThanOrEqual(Math.max(ms * 1.021, ms + 1))
      }),
    )
  })
})

describe('a status', () => {
  it('carries any text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (text) => {
        const written = writeMessage(text)
        expect(written).toMatch(/^(?! )[\x20-\x7e]*(?<! )$/)
        expect(readMessage(written)).toBe(Buffer.from(text).toString())
      }),
    )
  })

  it('reads text of peers that do not encode it', () => {
    const raw = (bytes: Uint8Array): string => Buffer.from(bytes).toString('latin1')
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (any) => {
        const text = Buffer.from(any.replaceAll('%', '')).toString()
        expect(readMessage(raw(Buffer.from(text)))).toBe(text)
      }),
    )
    expect(readMessage(raw(Buffer.from('größer als 50%25')))).toBe('größer als 50%')
    for (const neither of ['caf\xe9', 'caf%E9', '%']) expect(readMessage(neither)).toBe(neither)
  })

  it('carries details, and reads whatever bytes without failing', () => {
    const detail = fc.record({
      type: fc.stringMatching(/^[a-z.A-Z]{1,300}$/),
      value: fc.uint8Array({ maxLength: 300 }).map((bytes) => Uint8Array.from(bytes)),
    })
    fc.assert(
      fc.property(fc.array(detail), (details) => {
        expect(readStatusDetails(writeStatusDetails(5, 'näh', details))).toEqual(details)
      }),
    )
    fc.assert(fc.property(fc.uint8Array(), (bytes) => void readStatusDetails(Buffer.from(bytes))))
  })
})

describe('a ring of calls', () => {
  it('is a map by id', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(400), { minLength: 300, maxLength: 600 }), (steps) => {
        const ring = new Ring<{ id: number }>()
        const map = new Map<number, { id: number }>()
        let last = -1
        for (const step of steps) {
          const victim = [...map.keys()][step % (map.size + 1)]
          if (step % 3 === 0 && victim !== undefined) {
            expect(ring.delete(victim)).toBe(true)
            expect(ring.delete(victim)).toBe(false)
            map.delete(victim)
          } else {
            last += 2
            const call = { id: last }
            ring.add(call)
            map.set(last, call)
          }
          expect(ring.size).toBe(map.size)
        }
        for (let id = 1; id <= last; id += 2) expect(ring.get(id)).toBe(map.get(id))
        expect(new Set(ring.all())).toEqual(new Set(map.values()))
      }),
      // To look for a shorter one takes longer than anybody waits.
      { numRuns: 30, endOnFailure: true },
    )
  })
})

describe('deadlines', () => {
  it('expire in time and in order, but those taken back', async () => {
    const deadlines = new Deadlines()
    const expired: number[] = []
    const begun = performance.now()
    const timeouts = Array.from({ length: 200 }, (_, i) => 20 + ((i * 37) % 200))
    const all = timeouts.map((timeout): Timed => {
      const timed: Timed = {
        deadline: begun + timeout,
        list: undefined,
        earlier: undefined,
        later: undefined,
        expire() {
          expect(performance.now()).toBeGreaterThanOrEqual(timed.deadline)
          expired.push(timeout)
        },
      }
      deadlines.add(timed, timeout)
      return timed
    })
    const kept = timeouts.filter((_, i) => i % 2 === 0)
    for (const [i, timed] of all.entries()) if (i % 2 === 1) timed.list?.remove(timed)
    while (expired.length < kept.length && performance.now() < begun + 20_000) await new Promise((resolve) => setTimeout(resolve, 5))
    expect([...expired].sort((a, b) => a - b)).toEqual([...kept].sort((a, b) => a - b))
    expect(all.filter(({ list }) => list !== undefined)).toEqual([])
  })
  it('go on when one of them throws', () => {
    vi.useFakeTimers()
    try {
      const deadlines = new Deadlines()
      const expired: string[] = []
      const add = (name: string): void => {
        const expire = (): void => {
          expired.push(name)
          if (name === 'throws') throw new Error(name)
        }
        deadlines.add({ deadline: performance.now() + 50, list: undefined, earlier: undefined, later: undefined, expire }, 50)
      }
      add('throws')
      add('beside')
      expect(() => vi.advanceTimersByTime(50)).toThrow('throws')
      add('after')
      vi.advanceTimersByTime(60)
      expect(expired).toEqual(['throws', 'beside', 'after'])
    } finally {
      vi.useRealTimers()
    }
  })
})
