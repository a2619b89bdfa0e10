import { describe, expect, expectTypeOf, it } from 'vitest'
import { chain, type Endpoint, type Middleware, timeLeft } from '../src/endpoint.ts'
import { contextOf } from './support/context.ts'

describe('chain', () => {
  const saying =
    (name: string, said: string[]): Middleware =>
    (next) =>
    async (request, context) => {
      said.push(`${name} in`)
      const response = await next(request, context)
      said.push(`${name} out`)
      return response
    }

  it('puts the first outermost', async () => {
    const said: string[] = []
    const endpoint: Endpoint<number, string> = async (request) => {
      said.push('endpoint')
      return String(request)
    }
    const wrapped = chain(saying('a', said), saying('b', said))(endpoint)
    expectTypeOf(wrapped).toEqualTypeOf<Endpoint<number, string>>()
    expect(await wrapped(7, contextOf())).toBe('7')
    expect(said).toEqual(['a in', 'b in', 'endpoint', 'b out', 'a out'])
  })

  it('of nothing is nothing', () => {
    const endpoint: Endpoint = async () => 1
    expect(chain()(endpoint)).toBe(endpoint)
  })
})

describe('timeLeft', () => {
  it('is what is left until the deadline, never negative, and endless without one', () => {
    expect(timeLeft(contextOf())).toBe(Number.POSITIVE_INFINITY)
    expect(timeLeft(contextOf({ deadline: performance.now() - 1 }))).toBe(0)
    const left = timeLeft(contextOf({ deadline: performance.now() + 60_000 }))
    expect(left).toBeLessThanOrEqual(60_000)
    expect(left).toBeGreaterThan(50_000)
  })
})
