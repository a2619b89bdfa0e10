import { describe, expect, it } from 'vitest'
import { RpcError } from '../src/error.ts'
import { callWithEnd, onEnd, Untouched } from '../src/stream.ts'
import { collect, contextOf, failure, method, playing, streamOf } from './support/context.ts'

function setUp<T>(stream: AsyncIterable<T>) {
  const ends: (string | undefined)[] = []
  return { ends, stream: onEnd(stream, (error) => ends.push(error?.code)) }
}

describe('onEnd', () => {
  it('tells the end after the last item', async () => {
    const { ends, stream } = setUp(streamOf(1, 2, 3))
    const items: number[] = []
    for await (const item of stream) {
      expect(ends).toEqual([])
      items.push(item)
    }
    expect(items).toEqual([1, 2, 3])
    expect(ends).toEqual([undefined])
  })

  it('tells the error it fails with, and passes it on as it was', async () => {
    const bug = new TypeError('bug')
    const { ends, stream } = setUp(streamOf(1, bug))
    await expect(collect(stream)).rejects.toBe(bug)
    expect(ends).toEqual(['unknown'])
  })

  it('tells a reader that leaves as canceled, and lets the source clean up first', async () => {
    const order: string[] = []
    async function* source() {
      try {
        yield 1
        yield 2
      } finally {
        order.push('source')
      }
    }
    for await (const _ of onEnd(source(), (error) => order.push(error?.code ?? 'ok'))) break
    expect(order).toEqual(['source', 'canceled'])
  })

  it('tells a source without return()', async () => {
    const bare = { [Symbol.asyncIterator]: () => ({ next: async () => ({ done: false as const, value: 1 }) }) }
    const { ends, stream } = setUp(bare)
    for await (const _ of stream) break
    expect(ends).toEqual(['canceled'])
  })

  it('passes throw() on', async () => {
    const { ends, stream } = setUp(streamOf(1, 2))
    const iterator = stream[Symbol.asyncIterator]()
    await iterator.next()
    await expect(iterator.throw?.(new RpcError('aborted', 'x'))).rejects.toThrow('aborted: x')
    expect(ends).toEqual(['aborted'])
  })

  it('tells once', async () => {
    const { ends, stream } = setUp(streamOf(1))
    const iterator = stream[Symbol.asyncIterator]()
    for (let i = 0; i < 3; i++) await iterator.next()
    await iterator.return?.()
    expect(ends).toEqual([undefined])
  })
})

describe('callWithEnd', () => {
  const call = async (name: Parameters<typeof method>[0], answer: unknown) => {
    const ends: (string | undefined)[] = []
    const result = callWithEnd(playing(answer), {}, contextOf({ method: method(name) }), (error) => ends.push(error?.code))
    const response = await result.catch((error: unknown) => error)
    return { ends, response }
  }

  it.each(['unary', 'collect'] as const)('of %s ends with the response', async (name) => {
    expect(await call(name, 'ok')).toEqual({ ends: [undefined], response: 'ok' })
  })

  it.each(['expand', 'chat'] as const)('of %s ends with the stream', async (name) => {
    const { ends, response } = await call(name, streamOf(1, 2))
    expect(ends).toEqual([])
    await collect(response as AsyncIterable<number>)
    expect(ends).toEqual([undefined])
  })

  it.each(['unary', 'collect', 'expand', 'chat'] as const)('of %s ends with the error', async (name) => {
    const error = new RpcError('unavailable', 'x')
    expect(await call(name, error)).toEqual({ ends: ['unavailable'], response: error })
  })

  it('passes on what is thrown as it was', async () => {
    const bug = new TypeError('x')
    expect(await call('unary', bug)).toEqual({ ends: ['unknown'], response: bug })
    expect((await failure(callWithEnd(playing(new RpcError('internal', 'y')), 1, contextOf(), () => {}))).code).toBe('internal')
  })
})

describe('Untouched', () => {
  it('tells whether anybody has begun to read', async () => {
    const stream = new Untouched(streamOf(1, 2))
    expect(stream.touched).toBe(false)
    expect(await collect(stream)).toEqual([1, 2])
    expect(stream.touched).toBe(true)
  })
})
