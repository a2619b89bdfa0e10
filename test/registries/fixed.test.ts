import { describe, expect, it } from 'vitest'
import type { Instances } from '../../src/instances.ts'
import { type FixedAddresses, fixed } from '../../src/registries/fixed.ts'
import type { Resolver } from '../../src/registry.ts'
import { failure } from '../support/context.ts'

function resolve(resolver: Resolver, service: string): Promise<Instances> {
  return new Promise((update, error) => {
    resolver.watch(service, { update, error })
  })
}

describe('fixed', () => {
  it('knows the addresses of each service', async () => {
    const registry = fixed({ book: ['10.0.0.2:80', '10.0.0.1:80'], user: ['[::1]:90'] })
    expect((await resolve(registry, 'book')).map(({ address }) => address)).toEqual(['10.0.0.1:80', '10.0.0.2:80'])
    expect([...(await resolve(registry, 'user'))]).toEqual([{ id: 'user-[::1]:90', service: 'user', address: '[::1]:90' }])
    expect([...(await resolve(registry, 'nobody'))]).toEqual([])
    expect(await registry.services()).toEqual(['book', 'user'])
  })

  it('knows one list for any service', async () => {
    const registry = fixed(['http://localhost:80'])
    for (const service of ['book', 'user']) {
      expect([...(await resolve(registry, service))]).toEqual([
        { id: `${service}-http://localhost:80`, service, address: 'http://localhost:80' },
      ])
    }
    expect(await resolve(registry, 'book')).toBe(await resolve(registry, 'book'))
  })

  it('calls listeners later and once, and not at all after they stopped', async () => {
    const registry = fixed(['localhost:80'])
    let calls = 0
    const listener = { update: () => void calls++, error: () => {} }
    registry.watch('a', listener)
    expect(calls).toBe(0)
    registry.watch('a', listener)()
    await new Promise(setImmediate)
    expect(calls).toBe(1)
    registry.watch('a', listener)
    await registry.close()
    await new Promise(setImmediate)
    expect(calls).toBe(1)
  })

  it('cannot be registered with, and says what to do', async () => {
    const error = await failure(fixed([]).register({ id: 'a', service: 'book', address: 'localhost:80' }))
    expect(error.message).toBe(
      'failed_precondition: "book" cannot be registered at localhost:80: fixed addresses are given in advance; list it there, or serve without a registry',
    )
  })

  it.each<[FixedAddresses, string]>([
    [['nowhere'], 'address "nowhere": must be host:port'],
    [{ book: ['10.0.0.1:0'] }, 'address "10.0.0.1:0" needs a host and a port other than 0'],
    [[':80'], 'address ":80" needs a host'],
    [['a:1', 'a:1'], 'address "a:1" is listed twice'],
  ])('refuses %j', (addresses, message) => {
    expect(() => fixed(addresses)).toThrow(message)
  })
})
