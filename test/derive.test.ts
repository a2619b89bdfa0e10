import { describe, expect, it } from 'vitest'
import { derive } from '../src/derive.ts'
import type { Context } from '../src/endpoint.ts'
import { Headers } from '../src/headers.ts'
import { contextOf, method } from './support/context.ts'

/** As a server's context is: what is expensive is made when it is first read. */
class Lazy implements Context {
  readonly method = method('unary')
  readonly headers = new Headers()
  readonly peer = '10.0.0.9:1'
  instance: Context['instance']
  made = 0
  #reply: Headers | undefined

  get replyTrailers(): Headers {
    if (this.#reply === undefined) this.made++
    this.#reply ??= new Headers()
    return this.#reply
  }
}

describe('derive', () => {
  it('changes what is asked for and nothing else', () => {
    const { signal } = new AbortController()
    const context = contextOf({ deadline: 5, signal, peer: 'p', background: true, tried: ['a'], onHeaders: () => {}, onTrailers: () => {} })
    const derived = derive(context, { deadline: 3 })
    for (const key of ['method', 'headers', 'signal', 'peer', 'background', 'tried', 'onHeaders', 'onTrailers'] as const) {
      expect(derived[key], key).toBe(context[key])
    }
    expect([context.deadline, derived.deadline]).toEqual([5, 3])
    const headers = new Headers()
    expect(derive(derived, { headers, tried: ['b'] })).toMatchObject({ headers, tried: ['b'], deadline: 3 })
  })

  it('shares what is made when it is first read', () => {
    const lazy = new Lazy()
    const derived = derive(derive(lazy, { deadline: 1 }), { tried: [] })
    expect(lazy.made).toBe(0)
    derived.replyTrailers?.append('a', '1')
    expect(lazy.replyTrailers.get('a')).toBe('1')
    expect(lazy.made).toBe(1)
  })

  it('lets the outside see which instance was picked inside', () => {
    const context = contextOf()
    const derived = derive(derive(context, { deadline: 1 }), { deadline: 2 })
    derived.instance = { id: 'i', service: 's', address: 'a:1' }
    expect(context.instance?.id).toBe('i')
    expect(derived.instance?.id).toBe('i')
  })
})
