import { create, toBinary } from '@bufbuild/protobuf'
import { DescriptorProtoSchema } from '@bufbuild/protobuf/wkt'
import { describe, expect, it } from 'vitest'
import { protobuf, protobufJson, protobufService } from '../../src/codecs/protobuf.ts'
import { RpcError } from '../../src/error.ts'
import { Echo, EchoMessageSchema } from '../gen/echo_pb.ts'

describe('protobuf', () => {
  const codec = protobuf(EchoMessageSchema)
  const message = create(EchoMessageSchema, { text: 'hi', payload: new Uint8Array([1, 2, 3]), count: -5 })

  it('writes messages, and objects as messages', () => {
    expect(codec.name).toBe('proto')
    expect(codec.encode(message)).toEqual(toBinary(EchoMessageSchema, message))
    expect(codec.encode({ text: 'hi', payload: new Uint8Array([1, 2, 3]), count: -5 } as never)).toEqual(codec.encode(message))
  })

  it('reads what it wrote, without keeping the buffer it read from', () => {
    const bytes = codec.encode(message)
    const read = codec.decode(bytes)
    expect(read).toEqual(message)
    bytes.fill(0)
    expect(read).toEqual(message)
  })

  it.each([null, undefined, 'text', 7])('refuses %j for a message', (value) => {
    expect(() => codec.encode(value as never)).toThrow(/^invalid_argument: beckon\.test\.EchoMessage: expected an object, got /)
  })

  it('refuses a field that cannot be written, naming it', () => {
    for (const one of [codec, protobufJson(EchoMessageSchema)]) {
      const attempt = () => one.encode({ count: 'many' } as never)
      expect(attempt).toThrow(RpcError)
      expect(attempt).toThrow(/^invalid_argument: beckon\.test\.EchoMessage: .*count/)
    }
  })

  it('refuses what a getter of throws', () => {
    const wrong = {
      get text() {
        throw new Error('so it is')
      },
    }
    expect(() => codec.encode(wrong as never)).toThrow(/^invalid_argument: beckon\.test\.EchoMessage: so it is$/)
  })

  it('refuses a message that is within itself', () => {
    const circle = create(DescriptorProtoSchema, { name: 'circle' })
    circle.nestedType = [circle, circle]
    expect(() => protobuf(DescriptorProtoSchema).encode(circle)).toThrow(/^invalid_argument: google\.protobuf\.DescriptorProto: /)
  })

  it('writes large objects whose other properties lead back to them', () => {
    const entity: Record<string, unknown> = { text: 'x'.repeat(100_000) }
    entity.parent = { children: [entity, entity], first: entity, last: entity }
    expect(codec.decode(codec.encode(entity as never))).toEqual(create(EchoMessageSchema, { text: 'x'.repeat(100_000) }))
  })

  it('refuses bytes that are no such message', () => {
    expect(() => codec.decode(new Uint8Array([0x0a, 0xff]))).toThrow(/^invalid_argument: beckon\.test\.EchoMessage: /)
  })
})

describe('protobufJson', () => {
  const codec = protobufJson(EchoMessageSchema)

  it("speaks protobuf's JSON", () => {
    const bytes = codec.encode({ text: 'hi', payload: new Uint8Array([255]) } as never)
    expect(JSON.parse(Buffer.from(bytes).toString())).toEqual({ text: 'hi', payload: '/w==' })
    expect(codec.decode(bytes)).toMatchObject({ text: 'hi', payload: new Uint8Array([255]), count: 0 })
  })

  it('ignores fields it does not know, and takes no bytes for an empty message', () => {
    expect(codec.decode(Buffer.from('{"text":"a","new":1}'))).toMatchObject({ text: 'a' })
    expect(codec.decode(new Uint8Array())).toMatchObject({ text: '' })
  })

  it('refuses what is not JSON or has a wrong type', () => {
    expect(() => codec.decode(Buffer.from('{'))).toThrow(/^invalid_argument: beckon\.test\.EchoMessage: /)
    expect(() => codec.decode(Buffer.from('{"text":1}'))).toThrow(/^invalid_argument: .*text/)
  })
})

describe('protobufService', () => {
  const service = protobufService(Echo)

  it('is the same object for the same descriptor', () => {
    expect(protobufService(Echo)).toBe(service)
  })

  it('knows the methods by their names in code', () => {
    expect(service.name).toBe('beckon.test.Echo')
    expect(Object.values(service.methods).map(({ path, kind, idempotent }) => [path, kind, idempotent])).toEqual([
      ['/beckon.test.Echo/Unary', 'unary', true],
      ['/beckon.test.Echo/Once', 'unary', false],
      ['/beckon.test.Echo/Collect', 'clientStream', false],
      ['/beckon.test.Echo/Expand', 'serverStream', false],
      ['/beckon.test.Echo/Chat', 'bidi', false],
    ])
  })

  it("advertises methods in go-micro's shape", () => {
    const message = {
      name: 'EchoMessage',
      type: 'EchoMessage',
      values: [
        { name: 'text', type: 'string' },
        { name: 'payload', type: '[]uint8' },
        { name: 'count', type: 'int32' },
      ],
    }
    expect(service.methods.unary?.info).toEqual({ name: 'Echo.Unary', metadata: {}, request: message, response: message })
    expect(service.methods.chat?.info).toMatchObject({ name: 'Echo.Chat', metadata: { stream: 'true' } })
  })
})
