import { describe, expect, it } from 'vitest'
import { RpcError } from '../src/error.ts'
import { Headers } from '../src/headers.ts'

describe('Headers', () => {
  it('are made of an object, of pairs, or of others', () => {
    const bytes = new Uint8Array([1, 2])
    const headers = new Headers({ A: '1', b: ['2', '3'], 'c-bin': bytes })
    const pairs = [
      ['a', '1'],
      ['b', '2'],
      ['b', '3'],
      ['c-bin', bytes],
    ] as const
    expect([...headers]).toEqual(pairs)
    expect([...new Headers(pairs)]).toEqual(pairs)
    expect([...new Headers(headers)]).toEqual(pairs)
    expect([...new Headers(new Map([['a', '1']]))]).toEqual([['a', '1']])
    expect([...new Headers()]).toEqual([])
    expect(headers.size).toBe(4)
  })

  it('are found whatever the case of the name', () => {
    const headers = new Headers({ 'X-Trace': 'a' }).append('x-trace', 'b')
    expect(headers.get('X-TRACE')).toBe('a')
    expect(headers.getAll('X-Trace')).toEqual(['a', 'b'])
    expect(headers.has('x-TRACE')).toBe(true)
    expect([headers.get('other'), headers.has('other'), headers.getAll('other')]).toEqual([undefined, false, []])
  })

  it('tell text from bytes', () => {
    const headers = new Headers({ text: 'a', 'b-bin': new Uint8Array([7]) })
    expect([headers.get('text'), headers.getBytes('text')]).toEqual(['a', undefined])
    expect([headers.get('b-bin'), headers.getBytes('b-bin')]).toEqual([undefined, new Uint8Array([7])])
  })

  it('are replaced by set and removed by delete', () => {
    const headers = new Headers([
      ['a', '1'],
      ['b', '2'],
      ['a', '3'],
    ])
    headers.set('A', '4')
    expect([...headers]).toEqual([
      ['b', '2'],
      ['a', '4'],
    ])
    headers.delete('B')
    headers.delete('none')
    expect([...headers]).toEqual([['a', '4']])
  })

  it('keep an empty value', () => {
    const headers = new Headers({ empty: '' })
    expect([headers.get('empty'), headers.has('empty')]).toEqual(['', true])
  })

  it('do not share what is added later', () => {
    const [one, other] = [new Headers(), new Headers()]
    one.append('a', '1')
    expect([...other]).toEqual([])
  })

  it.each([
    ['a b', 'x', 'header name "a b": only a-z 0-9 _ . - are allowed'],
    ['', 'x', 'header name ""'],
    [':path', '/', 'header name ":path"'],
    ['a', 'ü', 'header a: only printable ASCII is allowed; other text goes as bytes under a-bin'],
    ['a', 'x\r\ny', 'header a: only printable ASCII'],
    ['a-bin', 'x', 'header a-bin: needs bytes'],
    ['a', new Uint8Array(1), 'header a: needs a string'],
    ['a', 1 as never, 'header a: needs a string'],
    ['a-bin', [1] as never, 'header a-bin: needs bytes'],
  ])('refuse %j: %j', (name, value, message) => {
    const attempt = () => new Headers().append(name, value)
    expect(attempt).toThrow(RpcError)
    expect(attempt).toThrow(`invalid_argument: ${message}`)
    expect(() => new Headers([[name, value]])).toThrow(message)
  })

  it('stay as they were when a value is refused', () => {
    const headers = new Headers({ a: '1' })
    expect(() => headers.set('a', '\n')).toThrow(RpcError)
    expect(headers.get('a')).toBe('1')
  })
})
