import { describe, expect, it } from 'vitest'
import { RpcError } from '../../src/error.ts'
import { prefixEnd, rangeOf, toBytes, toText } from '../../src/etcd/bytes.ts'

const bytes = (...values: number[]) => Uint8Array.of(...values)

describe('prefixEnd', () => {
  it('is the first key behind all that begin with the prefix', () => {
    expect(prefixEnd(toBytes('/a/'))).toEqual(toBytes('/a0'))
  })
  it('carries over bytes that cannot grow', () => {
    expect(prefixEnd(bytes(1, 0xff, 0xff))).toEqual(bytes(2))
  })
  it('is the end of all keys where no byte can grow', () => {
    expect(prefixEnd(bytes(0xff, 0xff))).toEqual(bytes(0))
    expect(prefixEnd(bytes())).toEqual(bytes(0))
  })
})

describe('rangeOf', () => {
  it('reads a key, a prefix, and a stretch', () => {
    expect(rangeOf({ key: 'a' })).toEqual({ key: toBytes('a'), rangeEnd: bytes() })
    expect(rangeOf({ prefix: 'a' })).toEqual({ key: toBytes('a'), rangeEnd: toBytes('b') })
    expect(rangeOf({ from: 'a', to: 'c' })).toEqual({ key: toBytes('a'), rangeEnd: toBytes('c') })
    expect(rangeOf({ from: 'a' })).toEqual({ key: toBytes('a'), rangeEnd: bytes(0) })
  })
  it('takes the empty prefix for all keys', () => {
    expect(rangeOf({ prefix: '' })).toEqual({ key: bytes(0), rangeEnd: bytes(0) })
  })
  it('refuses a key that is neither text nor bytes', () => {
    for (const key of [undefined, 3, { key: 'a' }])
      expect(() => rangeOf({ key: key as never })).toThrow(/must be strings or Uint8Arrays, got/)
  })
  it('refuses the empty key, saying what all keys are', () => {
    expect(() => rangeOf({ key: '' })).toThrow(/must not be empty.*prefix: ""/)
    expect(() => rangeOf({ key: '' })).toThrow(RpcError)
  })
})

describe('toText', () => {
  it('reads UTF-8 and does not stumble over what is none', () => {
    expect(toText(toBytes('grüß'))).toBe('grüß')
    expect(toText(bytes(0x61, 0xff))).toBe('a\ufffd')
  })
})
