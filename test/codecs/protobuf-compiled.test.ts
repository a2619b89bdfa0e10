import { spawnSync } from 'node:child_process'
import { inspect, isDeepStrictEqual } from 'node:util'
import { create, type DescMessage, fromBinary, type Message, toBinary } from '@bufbuild/protobuf'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { compiled } from '../../src/codecs/protobuf/compile.ts'
import { protobuf } from '../../src/codecs/protobuf.ts'
import { type EchoMessage, EchoMessageSchema } from '../gen/echo_pb.ts'
import { type Draw, drawInit, drawing, drawSchema, oneOf } from './protobuf-schemas.ts'

const seed = fc.integer()
const to = Buffer.alloc(70_000)

/** What a function gives, or the text of what it throws. */
function outcome<T>(of: () => T): { value: T } | { error: string } {
  try {
    return { value: of() }
  } catch (error) {
    return { error: (error as Error).message.replace(/^invalid_argument: gen\.All: /, '') }
  }
}

/** All that tells messages apart: types, own properties in their order, prototypes. */
function told(value: unknown): unknown {
  if (typeof value === 'bigint') return `${value}n`
  if (typeof value === 'number') return Object.is(value, -0) ? '-0' : `${value}`
  if (value instanceof Uint8Array) return [value.constructor.name, ...value]
  if (Array.isArray(value)) return value.map(told)
  if (typeof value !== 'object' || value === null) return [typeof value, value]
  return [Object.getPrototypeOf(value), ...Object.getOwnPropertyNames(value).map((name) => [name, told((value as never)[name])])]
}

/** Bytes that come near those of a message. */
function damaged(draw: Draw, bytes: Uint8Array): Uint8Array {
  const copy = new Uint8Array(bytes)
  switch (draw(6)) {
    case 0:
      return copy.subarray(0, draw(copy.length + 1))
    case 1:
      return Buffer.concat([copy, Buffer.from([oneOf(draw, 0x08, 0x0a, 0x0b, 0x0c, 0x12, 0x1a, 0xfa, 0xff), draw(256), draw(8), 0])])
    case 2:
      return Buffer.concat([copy, Buffer.from('f82f05fa2f026869fd2f01020304f92f0102030405060708', 'hex')])
    case 3:
      return Buffer.concat([copy, copy])
    default:
      for (let i = 0; i <= draw(3) && copy.length > 0; i++) copy[draw(copy.length)] = draw(256)
      return copy
  }
}

function agree(schema: DescMessage, bytes: Uint8Array): void {
  const codec = protobuf(schema)
  const offset = 3
  to.fill(0x7f)
  to.set(bytes, offset)
  const read = outcome(() => codec.read?.(to, offset, offset + bytes.length) as Message)
  to.fill(0)
  const expected = told(outcome(() => fromBinary(schema, new Uint8Array(bytes))))
  same(told(read), expected)
  same(told(outcome(() => codec.decode(bytes))), expected)
  const own = Buffer.from(new Uint8Array(bytes).buffer)
  same(told(outcome(() => codec.read?.(own, 0, own.length, true) as Message)), expected)
}

/** The quick comparison first: there are tens of thousands. */
function same(one: unknown, other: unknown): void {
  if (!isDeepStrictEqual(one, other)) expect.fail(`${inspect(one, { depth: 9 })} should be ${inspect(other, { depth: 9 })}`)
}

function writtenAlike(schema: DescMessage, message: object): void {
  const codec = protobuf(schema)
  const expected = outcome(() => Buffer.from(toBinary(schema, create(schema, message as Record<string, unknown>))).toString('hex'))
  expect(outcome(() => Buffer.from(codec.encode(message as Message)).toString('hex'))).toEqual(expected)
  const end = codec.write?.(message as Message, to, 5, 60_000) ?? -1
  if (end !== -1) expect({ value: to.toString('hex', 5, end) }).toEqual(expected)
}

describe('compiled protobuf', () => {
  it('writes what protobuf-es writes, of messages and of init objects', () => {
    let inPlace = 0
    fc.assert(
      fc.property(seed, (start) => {
        const draw = drawing(start)
        const schema = drawSchema(draw)
        for (let i = 0; i < 4; i++) {
          const init = drawInit(draw, schema)
          writtenAlike(schema, init)
          writtenAlike(schema, create(schema, init))
          if ((compiled(schema)?.write(init, to, 0, 65_536) ?? -1) >= 0) inPlace++
        }
      }),
      { numRuns: 300 },
    )
    expect(inPlace).toBeGreaterThan(400)
  })

  it('writes, or refuses with the same words, values that do not belong', () => {
    fc.assert(
      fc.property(seed, (start) => {
        const draw = drawing(start)
        const schema = drawSchema(draw)
        for (let i = 0; i < 4; i++) {
          const init = drawInit(draw, schema, { wrong: true })
          writtenAlike(schema, init)
          const made = outcome(() => create(schema, init))
          if ('value' in made) writtenAlike(schema, made.value)
        }
      }),
      { numRuns: 300 },
    )
  })

  it('reads what protobuf-es reads, into messages that cannot be told apart', () => {
    let inPlace = 0
    fc.assert(
      fc.property(seed, (start) => {
        const draw = drawing(start)
        const schema = drawSchema(draw)
        for (let i = 0; i < 4; i++) {
          const made = outcome(() => Buffer.from(toBinary(schema, create(schema, drawInit(draw, schema)))))
          if ('error' in made) continue
          agree(schema, made.value)
          if (compiled(schema)?.read(made.value, 0, made.value.length, 1) !== undefined) inPlace++
          for (let j = 0; j < 6; j++) agree(schema, damaged(draw, made.value))
        }
      }),
      { numRuns: 300 },
    )
    expect(inPlace).toBeGreaterThan(400)
  })

  it('keeps fields that it does not know', () => {
    fc.assert(
      fc.property(seed, (start) => {
        const draw = drawing(start)
        const schema = drawSchema(draw)
        const read = outcome(() => protobuf(schema).decode(Buffer.from('f82f05fa2f026869fd2f01020304f92f0102030405060708', 'hex')))
        if ('error' in read) throw new Error(read.error)
        writtenAlike(schema, read.value)
      }),
      { numRuns: 50 },
    )
  })

  it('reads messages as deep as protobuf-es does, and no deeper', () => {
    fc.assert(
      fc.property(seed, (start) => {
        const schema = drawSchema(drawing(start))
        const field = schema.fields.find(({ message, fieldKind }) => message === schema && fieldKind === 'message')
        if (field === undefined) return
        for (const depth of [98, 99, 100, 101]) {
          let bytes: Buffer = Buffer.alloc(0)
          for (let i = 0; i < depth; i++) {
            const head = Buffer.alloc(20)
            let at = 0
            for (const number of [((field.number << 3) | 2) >>> 0, bytes.length]) {
              let rest = number
              for (; rest > 127; rest >>>= 7) head[at++] = (rest & 127) | 128
              head[at++] = rest
            }
            bytes = Buffer.concat([head.subarray(0, at), bytes])
          }
          agree(schema, bytes)
        }
      }),
      { numRuns: 200 },
    )
  })

  it('gives up where there is no room, and writes nothing beyond it', () => {
    const type = compiled(EchoMessageSchema)
    const message = { text: 'hello', payload: new Uint8Array(100), count: 7 }
    const { length } = toBinary(EchoMessageSchema, create(EchoMessageSchema, message))
    for (let end = 0; end < 200; end++) {
      to.fill(0xee)
      const written = type?.write(message, to, 0, end) ?? 0
      expect(written === -1 || written === length).toBe(true)
      expect(written <= end).toBe(true)
      expect(to.subarray(end, 300).every((byte) => byte === 0xee)).toBe(true)
    }
    expect(type?.write(message, to, 0, 200)).toBe(length)
  })

  it('copies bytes that it reads', () => {
    const codec = protobuf(EchoMessageSchema)
    const bytes = Buffer.from(codec.encode({ payload: new Uint8Array(50).fill(7) } as never))
    const message = codec.read?.(bytes, 0, bytes.length) as Message & { payload: Uint8Array }
    bytes.fill(0)
    expect(message.payload).toEqual(new Uint8Array(50).fill(7))
    expect(message.payload.constructor).toBe(Uint8Array)
  })

  it('encodes a message while another is being encoded', () => {
    const codec = protobuf(EchoMessageSchema)
    const message = {
      text: 'outer',
      get payload() {
        return codec.encode({ text: 'inner', count: 9 } as never)
      },
      count: 5,
    }
    const read = codec.decode(codec.encode(message as never)) as Message & { text: string; payload: Uint8Array; count: number }
    expect(read).toMatchObject({ text: 'outer', count: 5 })
    expect(codec.decode(read.payload)).toMatchObject({ text: 'inner', count: 9 })
  })

  it('leaves it to protobuf-es where code cannot be made from strings', () => {
    const script = `
      const { protobuf } = await import('./src/codecs/protobuf.ts')
      const { EchoMessageSchema } = await import('./test/gen/echo_pb.ts')
      const codec = protobuf(EchoMessageSchema)
      console.log('write' in codec, 'read' in codec, codec.decode(codec.encode({ text: 'hi' })).text)`
    const args = ['--disallow-code-generation-from-strings', '--import', 'tsx', '--input-type=module', '-e', script]
    const { stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' })
    expect(`${stdout}${stderr}`.trim()).toBe('false false hi')
  })
})

describe('bytes of a message', () => {
  const codec = protobuf(EchoMessageSchema)
  const bytes = (payload: number, text: number): Buffer => {
    const message = create(EchoMessageSchema, { payload: new Uint8Array(payload), text: 'x'.repeat(text) })
    return Buffer.from(new Uint8Array(toBinary(EchoMessageSchema, message)).buffer)
  }
  const memoryOf = (from: Buffer, own: boolean): unknown =>
    (codec.read?.(from, 0, from.length, own) as unknown as EchoMessage | undefined)?.payload.buffer

  it('are a copy where the memory is not its own', () => {
    const from = bytes(1000, 1)
    expect(memoryOf(from, false)).not.toBe(from.buffer)
  })

  it('stay where they are in memory of its own, which they are most of', () => {
    const most = bytes(1000, 1)
    expect(memoryOf(most, true)).toBe(most.buffer)
    const part = bytes(1000, 2000)
    expect(memoryOf(part, true)).not.toBe(part.buffer)
  })
})
