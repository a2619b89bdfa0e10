import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { json, unary } from '../../src/codecs/json.ts'
import { RpcError } from '../../src/error.ts'

describe('json', () => {
  it('writes and reads JSON text', () => {
    const codec = json<{ name: string }>()
    expect(codec.name).toBe('json')
    expect(Buffer.from(codec.encode({ name: 'ü' })).toString()).toBe('{"name":"ü"}')
    expect(codec.decode(Buffer.from('{"name":"ü"}'))).toEqual({ name: 'ü' })
  })

  it('reads only its part of a larger buffer', () => {
    expect(json().decode(Buffer.from('xx[1]yy').subarray(2, 5))).toEqual([1])
  })

  it('takes no bytes for an empty message, and nothing for null', () => {
    expect(json().decode(new Uint8Array())).toEqual({})
    expect(Buffer.from(json().encode(undefined)).toString()).toBe('null')
  })

  it('refuses what is not JSON, both ways', () => {
    expect(() => json().decode(Buffer.from('{'))).toThrow(/^invalid_argument: message is not JSON: /)
    expect(() => json().encode({ n: 1n })).toThrow(/^invalid_argument: message cannot be written as JSON: .*BigInt/)
    const circle: Record<string, unknown> = {}
    circle.self = circle
    expect(() => json().encode(circle)).toThrow(RpcError)
  })
})

describe('json with a schema', () => {
  const schema = z.object({ isbn: z.string().length(13), tags: z.array(z.object({ name: z.string() })).default([]) })

  it('names the field that fails, on the way out and on the way in', () => {
    const codec = json(schema)
    const bad = { isbn: '9783161484100', tags: [{ name: 1 }] }
    expect(() => codec.encode(bad as never)).toThrow(/^invalid_argument: tags\.0\.name: /)
    expect(() => codec.decode(Buffer.from(JSON.stringify(bad)))).toThrow(/^invalid_argument: tags\.0\.name: /)
    expect(() => codec.decode(Buffer.from('{"isbn":1,"tags":1}'))).toThrow(/isbn: .*; tags: /)
    expect(() => codec.decode(Buffer.from('7'))).toThrow(/^invalid_argument: /)
  })

  it('fills in defaults on the way in', () => {
    expect(json(schema).decode(Buffer.from('{"isbn":"9783161484100"}'))).toEqual({ isbn: '9783161484100', tags: [] })
  })

  it('transforms once from end to end, not once on each side', () => {
    const { input } = unary({ input: z.object({ at: z.string().transform((text) => new Date(text)) }), output: z.object({}) })
    const sent = input.encode({ at: '2024-01-01T00:00:00.000Z' })
    expect(input.decode(sent)).toEqual({ at: new Date('2024-01-01T00:00:00.000Z') })
  })

  it('refuses an asynchronous schema', () => {
    const codec = json(z.string().refine(async () => true))
    expect(() => codec.decode(Buffer.from('"x"'))).toThrow(/synchronous/)
  })

  it('is not hurt by an asynchronous schema that rejects', async () => {
    const rejected: unknown[] = []
    const note = (reason: unknown): number => rejected.push(reason)
    process.on('unhandledRejection', note)
    const codec = json({ '~standard': { version: 1, vendor: 'own', validate: () => Promise.reject(new Error('no database')) } })
    expect(() => codec.decode(Buffer.from('"x"'))).toThrow('schema of own is asynchronous')
    await new Promise((resolve) => setImmediate(resolve))
    process.off('unhandledRejection', note)
    expect(rejected).toEqual([])
  })
})
