import { describe, expect, it } from 'vitest'
import { goKit } from '../../../../src/registries/etcd/layouts/go-kit.ts'

const book = { id: 'whatever', service: 'book', address: '10.204.29.77:50051' }

describe('goKit', () => {
  it('writes the address under the prefix as it is given, and nothing else', () => {
    const layout = goKit({ prefix: '/services/book/' })
    expect(layout.key(book)).toBe('/services/book/10.204.29.77:50051')
    expect(layout.encode(book)).toBe('10.204.29.77:50051')
    expect(layout.encode({ ...book, address: 'http://127.0.0.1:8080' })).toBe('http://127.0.0.1:8080')
  })

  it('adds no slash unless it is asked to', () => {
    expect(goKit({ prefix: 'svc.user' }).prefix('x')).toBe('svc.user')
    expect(goKit({ prefix: 'svc.user', appendSlash: true }).prefix('x')).toBe('svc.user/')
    expect(goKit({ prefix: 'svc.user/', appendSlash: true }).prefix('x')).toBe('svc.user/')
  })

  it('reads every value under the prefix as an instance of the service that is watched', () => {
    const layout = goKit({ prefix: '/services/book/' })
    expect(layout.decode('/services/book/one', 'http://h:1', 'any')).toEqual([
      { id: '/services/book/one', service: 'any', address: 'http://h:1' },
    ])
  })

  it('doubts a key that is the prefix itself, which all instances of a fleet would share', () => {
    const layout = goKit({ prefix: '/services/hello/' })
    expect(layout.doubt?.('/services/hello/', 'hello')).toContain('overwrite each other')
    expect(layout.doubt?.('/services/hello/h:1', 'hello')).toBeUndefined()
  })

  it('knows services by their place in the prefix', () => {
    const layout = goKit()
    expect(layout.key(book)).toBe('/services/book/10.204.29.77:50051')
    expect(layout.root).toBe('/services/')
    expect(layout.serviceOf?.('/services/book/10.204.29.77:50051', '')).toBe('book')
    expect(layout.serviceOf?.('/services/stray', '')).toBeUndefined()
    expect(goKit({ prefix: '/services/book/' }).root).toBeUndefined()
  })

  it('refuses an empty prefix, which would take every key there is', () => {
    expect(() => goKit({ prefix: '' })).toThrow('goKit: prefix must not be empty')
  })
})
