import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { fieldOf, type HttpMessage, HttpReader, writeHttp } from '../../src/transports/mucp/http1.ts'
import { held } from '../support/memory.ts'

const limit = 64

/** What is read of these bytes, given in parts that end where `cuts` say. */
function read(bytes: Buffer, cuts: readonly number[]): HttpMessage[] {
  const messages: HttpMessage[] = []
  const reader = new HttpReader(limit, (message) => messages.push(message))
  const ends = [...new Set(cuts.map((cut) => Math.floor(cut * bytes.length)))].sort((a, b) => a - b)
  let from = 0
  for (const end of [...ends, bytes.length]) {
    // Parts of their own, as a socket gives them.
    if (end > from) reader.push(Buffer.from(bytes.subarray(from, end)))
    from = end
  }
  return messages
}

const cuts = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 12 })
const body = fc.uint8Array({ maxLength: 2 * limit })
const name = fc.stringMatching(/^[a-z][a-z0-9-]{0,10}$/).filter((one) => !['content-length', 'transfer-encoding'].includes(one))
const value = fc.string({ unit: 'binary', maxLength: 20 }).map((text) => text.replace(/[\r\n]/g, '').trim())
const fields = fc.array(fc.tuple(name, value), { maxLength: 5 }).map((pairs) => pairs.flat())

/** The same body in chunks of at most `size` bytes. */
function chunked(start: string, bytes: Uint8Array, size: number): Buffer {
  const parts: Uint8Array[] = [Buffer.from(`${start}\r\nTransfer-Encoding: chunked\r\n\r\n`)]
  for (let i = 0; i < bytes.length; i += size) {
    const part = bytes.subarray(i, i + size)
    parts.push(Buffer.from(`${part.length.toString(16)};x=y\r\n`), part, Buffer.from('\r\n'))
  }
  parts.push(Buffer.from('0\r\nx-after: 1\r\n\r\n'))
  return Buffer.concat(parts)
}

describe('the reader of HTTP/1.1', () => {
  it('reads what is written, however it is cut, and keeps no body over the limit', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fields, body), { minLength: 1, maxLength: 4 }), cuts, (all, at) => {
        const bytes = Buffer.concat(all.map(([own, bytes]) => writeHttp('POST / HTTP/1.1', own, bytes)))
        const messages = read(bytes, at)
        expect(messages.map(({ start }) => start)).toEqual(all.map(() => 'POST / HTTP/1.1'))
        for (const [i, [own, sent]] of all.entries()) {
          const message = messages[i] as HttpMessage
          expect(message.fields.slice(0, -2)).toEqual(own)
          expect(message.tooLarge).toBe(sent.length > limit ? sent.length : undefined)
          expect(Buffer.compare(message.body, sent.length > limit ? Buffer.alloc(0) : sent)).toBe(0)
        }
      }),
    )
  })

  it('reads chunks, however they are cut', () => {
    fc.assert(
      fc.property(fc.array(body, { minLength: 1, maxLength: 3 }), fc.integer({ min: 1, max: 200 }), cuts, (all, size, at) => {
        const messages = read(Buffer.concat(all.map((sent) => chunked('HTTP/1.1 200 OK', sent, size))), at)
        expect(messages).toHaveLength(all.length)
        for (const [i, sent] of all.entries()) {
          expect(messages[i]?.tooLarge).toBe(sent.length > limit ? sent.length : undefined)
          expect(Buffer.compare((messages[i] as HttpMessage).body, sent.length > limit ? Buffer.alloc(0) : sent)).toBe(0)
        }
      }),
    )
  })

  it('holds a body in chunks of a byte each in little more than its bytes', () => {
    const bodies: string[] = []
    const reader = new HttpReader(1_000_000, ({ body }) => bodies.push(body.toString()))
    const before = held()
    reader.push(Buffer.from('POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n'))
    for (let i = 0; i < 50_000; i++) reader.push(Buffer.from('1\r\na\r\n1\r\nb\r\n1\r\nc\r\n1\r\nd\r\n'))
    expect(held() - before).toBeLessThan(5_000_000)
    reader.push(Buffer.from('0\r\n\r\n'))
    expect(bodies).toEqual(['abcd'.repeat(50_000)])
  })

  it('reads or refuses whatever comes, and never hangs on it', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), cuts, (text, at) => {
        try {
          read(Buffer.from(`POST / HTTP/1.1\r\n${text}\r\n\r\n`), at)
        } catch (error) {
          expect((error as Error).message).toMatch(/^internal: the peer /)
        }
      }),
    )
  })

  it('writes no line break into a value', () => {
    const [message] = read(writeHttp('POST / HTTP/1.1', ['a', 'b\r\nc: d'], new Uint8Array(0)), [])
    expect(fieldOf(message as HttpMessage, 'a')).toBe('b c: d')
    expect(fieldOf(message as HttpMessage, 'c')).toBeUndefined()
  })
})
