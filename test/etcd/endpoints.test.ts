import { describe, expect, it } from 'vitest'
import { parseEndpoints } from '../../src/etcd/endpoints.ts'

describe('parseEndpoints', () => {
  it('adds the port that etcd has', () => {
    expect(parseEndpoints(['localhost', '10.0.0.1', '::1', '[::1]']).addresses).toEqual(['localhost:2379', '10.0.0.1:2379', '[::1]:2379'])
  })
  it('keeps a port', () => {
    expect(parseEndpoints(['h:1', 'http://h:2/', '[::1]:3']).addresses).toEqual(['h:1', 'h:2', '[::1]:3'])
  })
  it('tells from the scheme whether TLS is meant', () => {
    expect(parseEndpoints(['h:1']).secure).toBeUndefined()
    expect(parseEndpoints(['http://h:1', 'h:2']).secure).toBe(false)
    expect(parseEndpoints(['https://h', 'h:2']).secure).toBe(true)
  })
  it.each([
    [[], /endpoints must name at least one/],
    [['ftp://h'], /"ftp:\/\/h": the scheme must be http or https/],
    [['http://h', 'https://h'], /all be http:\/\/ or all https:\/\//],
    [['h:99999'], /"h:99999": must be host/],
    [['h:0'], /must be host/],
    [[''], /"": must be host/],
    [['h/path'], /must be host/],
    [[3 as never], /endpoints must be strings, got 3/],
  ])('refuses %j', (endpoints, message) => {
    expect(() => parseEndpoints(endpoints)).toThrow(message)
  })
})
