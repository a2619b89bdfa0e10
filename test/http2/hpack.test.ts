import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Decoder } from '../../src/http2/decoder.ts'
import { Encoder } from '../../src/http2/encoder.ts'

const pairs = (names: readonly string[], values: readonly string[]): string[] => names.flatMap((name, i) => [name, values[i] ?? ''])

function decoder(maxSize = 65_536): Decoder<string[]> {
  return new Decoder(pairs, true, maxSize)
}

function decode(one: Decoder<string[]>, hex: string): string[] {
  const bytes = Buffer.from(hex.replace(/\s/g, ''), 'hex')
  return one.block(bytes, 0, bytes.length).head
}

const first = [':method', 'GET', ':scheme', 'http', ':path', '/', ':authority', 'www.example.com']
const second = [...first, 'cache-control', 'no-cache']
const third = [':method', 'GET', ':scheme', 'https', ':path', '/index.html', ':authority', 'www.example.com', 'custom-key', 'custom-value']

const ok = [':status', '200', 'cache-control', 'private', 'date', 'Mon, 21 Oct 2013 20:13:21 GMT', 'location', 'https://www.example.com']

describe('HPACK decoder', () => {
  it('reads the literals of RFC 7541 C.2', () => {
    expect(decode(decoder(), '400a 6375 7374 6f6d 2d6b 6579 0d63 7573 746f 6d2d 6865 6164 6572')).toEqual(['custom-key', 'custom-header'])
    expect(decode(decoder(), '040c 2f73 616d 706c 652f 7061 7468')).toEqual([':path', '/sample/path'])
    expect(decode(decoder(), '1008 7061 7373 776f 7264 0673 6563 7265 74')).toEqual(['password', 'secret'])
    expect(decode(decoder(), '82')).toEqual([':method', 'GET'])
  })

  it('reads the requests of RFC 7541 C.3, one after the other', () => {
    const one = decoder()
    expect(decode(one, '8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d')).toEqual(first)
    expect(decode(one, '8286 84be 5808 6e6f 2d63 6163 6865')).toEqual(second)
    expect(decode(one, '8287 85bf 400a 6375 7374 6f6d 2d6b 6579 0c63 7573 746f 6d2d 7661 6c75 65')).toEqual(third)
  })

  it('reads the requests of RFC 7541 C.4, in Huffman code', () => {
    const one = decoder()
    expect(decode(one, '8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff')).toEqual(first)
    expect(decode(one, '8286 84be 5886 a8eb 1064 9cbf')).toEqual(second)
    expect(decode(one, '8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf')).toEqual(third)
  })

  it('evicts as in the responses of RFC 7541 C.5', () => {
    const one = decoder()
    // The example's table has 256 octets, which a size update says here.
    const response =
      '3fe1 01 4803 3330 3258 0770 7269 7661 7465 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3120 474d 546e 1768 7474 7073 3a2f 2f77 7777 2e65 7861 6d70 6c65 2e63 6f6d'
    expect(decode(one, response)).toEqual([':status', '302', ...ok.slice(2)])
    expect(decode(one, '4803 3330 37c1 c0bf')).toEqual([':status', '307', ...ok.slice(2)])
    expect(decode(one, '88c1 c0bf')).toEqual(ok)
    expect(() => decode(one, 'c2')).toThrow(/in no table/)
  })

  it('gives the same object for the same bytes, until the table changes', () => {
    const one = decoder()
    decode(one, '8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d')
    const before = decode(one, '8286 84be')
    expect(decode(one, '82')).toEqual([':method', 'GET'])
    expect(decode(one, '8286 84be')).toBe(before)
    decode(one, '400a 6375 7374 6f6d 2d6b 6579 0d63 7573 746f 6d2d 6865 6164 6572')
    expect(decode(one, '8286 84be')).toEqual([...first.slice(0, 6), 'custom-key', 'custom-header'])
  })

  it('goes on for the sake of its table beyond the limit, and says the size', () => {
    const one = decoder(100)
    const hex = '400a 6375 7374 6f6d 2d6b 6579 0d63 7573 746f 6d2d 6865 6164 6572'.repeat(3)
    const bytes = Buffer.from(hex.replace(/\s/g, ''), 'hex')
    const block = one.block(bytes, 0, bytes.length)
    expect(block.size).toBe(165)
    expect(block.head).toEqual(['custom-key', 'custom-header'])
    expect(decode(one, 'c0')).toEqual(['custom-key', 'custom-header'])
  })

  it.each([
    ['an index of 0', '80'],
    ['an index beyond the tables', 'be'],
    ['a string that is too short', '400a 6375'],
    ['an integer that never ends', 'ffff ffff ffff ff'],
    ['a table size over what was allowed', '3fe2 1f 82 3fff ff03'],
    ['a table size after a field', '82 20'],
    ['Huffman padding of zeros', '4181 18'],
    ['Huffman padding longer than 7 bits', '4182 1fff'],
    ['the end of Huffman code', '4184 ffff ffff'],
  ])('turns down %s', (_, hex) => {
    expect(() => decode(decoder(), hex)).toThrow(expect.objectContaining({ http2: 9 }))
  })

  it('never fails otherwise, whatever the bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        try {
          decoder().block(Buffer.from(bytes), 0, bytes.length)
        } catch (error) {
          expect(error).toMatchObject({ http2: 9 })
        }
      }),
      { numRuns: 2000 },
    )
  })
})

describe('HPACK encoder', () => {
  const name = fc.stringMatching(/^[a-z][a-z0-9-]{0,12}$/)
  const value = fc.stringMatching(/^[\x21-\x7e]{0,40}$/)
  const list = fc.array(fc.tuple(name, value), { maxLength: 12 }).map((all) => all.flat())
  const step = fc.oneof(list, fc.constantFrom(0, 64, 200, 4096, 65_536))

  it('writes what the decoder reads, whatever is kept and whatever table the peer allows', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(step, fc.nat(24)), { maxLength: 40 }), (steps) => {
        const encoder = new Encoder()
        const one = decoder()
        for (const [what, stable] of steps) {
          if (typeof what === 'number') {
            encoder.resize(what)
            continue
          }
          const bytes = Buffer.from(encoder.encode(what, stable))
          expect(one.block(bytes, 0, bytes.length).head).toEqual(what)
        }
      }),
      { numRuns: 500 },
    )
  })

  it('keeps its version when a block may be sent again', () => {
    const encoder = new Encoder()
    const fields = [':method', 'POST', ':path', '/a.B/C', 'te', 'trailers']
    encoder.encode(fields, 6)
    const { version } = encoder
    const again = encoder.encode(fields, 6)
    expect(encoder.version).toBe(version)
    expect(again.length).toBe(3)
    const one = decoder()
    const all = [new Encoder().encode(fields, 6), again, again].map((bytes) => one.block(Buffer.from(bytes), 0, bytes.length).head)
    expect(all).toEqual([fields, fields, fields])
  })

  it('lets no table keep what is secret', () => {
    const bytes = new Encoder().encode(['authorization', 'Bearer x'], 2)
    expect((bytes[0] as number) & 0xf0).toBe(0x10)
  })
})
