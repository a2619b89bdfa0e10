import { describe, expect, expectTypeOf, it } from 'vitest'
import { z } from 'zod'
import { bidi, clientStream, serverStream, unary } from '../src/codecs/json.ts'
import { defineService, endpointInfo, type Service, type ShapeOf } from '../src/service.ts'
import type { Echo, EchoMessage } from './gen/echo_pb.ts'

interface Ask {
  readonly question: string
}
interface Answer {
  readonly text: string
}

const Oracle = defineService('test.v1.Oracle', {
  ask: unary<Ask, Answer>({ idempotent: true }),
  gather: clientStream<Ask, Answer>(),
  ponder: serverStream<Ask, Answer>({ name: 'PonderLoudly' }),
  talk: bidi<Ask, Answer>(),
  checked: unary({
    input: z.object({ at: z.string().transform((text) => new Date(text)), limit: z.number().default(10) }),
    output: z.object({ total: z.number() }),
  }),
})

describe('defineService', () => {
  it('refuses a name that cannot be part of a path', () => {
    for (const name of ['', 'a/b', 'a b'])
      expect(() => defineService(name, {})).toThrow(/^invalid_argument: defineService: name must be like package\.Service, got "/)
  })

  it('gives every method its name, path and kind', () => {
    expect(Oracle.name).toBe('test.v1.Oracle')
    expect(
      Object.entries(Oracle.methods).map(([local, { name, path, kind, idempotent }]) => [local, name, path, kind, idempotent]),
    ).toEqual([
      ['ask', 'Ask', '/test.v1.Oracle/Ask', 'unary', true],
      ['gather', 'Gather', '/test.v1.Oracle/Gather', 'clientStream', false],
      ['ponder', 'PonderLoudly', '/test.v1.Oracle/PonderLoudly', 'serverStream', false],
      ['talk', 'Talk', '/test.v1.Oracle/Talk', 'bidi', false],
      ['checked', 'Checked', '/test.v1.Oracle/Checked', 'unary', false],
    ])
  })

  it('speaks JSON', () => {
    expect([Oracle.methods.ask.input.name, Oracle.methods.ask.output.name]).toEqual(['json', 'json'])
  })

  it('validates where it was given schemas', () => {
    expect(() => Oracle.methods.checked.input.encode({ at: 7 })).toThrow('invalid_argument: at: ')
    expect(() => Oracle.methods.ask.input.encode({ at: 7 })).not.toThrow()
  })
})

describe('endpointInfo', () => {
  it('is what go-micro advertises', () => {
    expect(endpointInfo('hello.srv.say.Say', 'Hello', 'unary')).toEqual({ name: 'Say.Hello', metadata: {} })
    expect(endpointInfo('Say', 'Hello', 'bidi')).toEqual({ name: 'Say.Hello', metadata: { stream: 'true' } })
  })
})

describe('the types of a contract', () => {
  type Plain = ShapeOf<typeof Oracle>
  type Proto = ShapeOf<typeof Echo>

  it('come from the types given to defineService', () => {
    expectTypeOf<keyof Plain>().toEqualTypeOf<'ask' | 'gather' | 'ponder' | 'talk' | 'checked'>()
    expectTypeOf<Plain['ask']>().toEqualTypeOf<{ kind: 'unary'; request: Ask; received: Ask; reply: Answer; response: Answer }>()
    expectTypeOf<Plain['gather']['kind']>().toEqualTypeOf<'clientStream'>()
    expectTypeOf<Plain['ponder']['kind']>().toEqualTypeOf<'serverStream'>()
    expectTypeOf<Plain['talk']['kind']>().toEqualTypeOf<'bidi'>()
    expectTypeOf(Oracle).toExtend<Service>()
  })

  it('come from schemas, before and after they transform', () => {
    expectTypeOf<Plain['checked']['request']>().toEqualTypeOf<{ at: string; limit?: number | undefined }>()
    expectTypeOf<Plain['checked']['received']>().toEqualTypeOf<{ at: Date; limit: number }>()
    expectTypeOf<Plain['checked']['response']>().toEqualTypeOf<{ total: number }>()
  })

  it('come from what protobuf-es generated', () => {
    expectTypeOf<keyof Proto>().toEqualTypeOf<'unary' | 'once' | 'collect' | 'expand' | 'chat'>()
    expectTypeOf<Proto['unary']['kind']>().toEqualTypeOf<'unary'>()
    expectTypeOf<Proto['collect']['kind']>().toEqualTypeOf<'clientStream'>()
    expectTypeOf<Proto['expand']['kind']>().toEqualTypeOf<'serverStream'>()
    expectTypeOf<Proto['chat']['kind']>().toEqualTypeOf<'bidi'>()
    expectTypeOf<Proto['unary']['received']>().toEqualTypeOf<EchoMessage>()
    expectTypeOf<Proto['unary']['response']>().toEqualTypeOf<EchoMessage>()
    expectTypeOf<{ text: string }>().toExtend<Proto['unary']['request']>()
    expectTypeOf<{ text: number }>().not.toExtend<Proto['unary']['request']>()
  })
})
