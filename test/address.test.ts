import { describe, expect, it } from 'vitest'
import { formatAddress, parseAddress } from '../src/address.ts'

describe('parseAddress', () => {
  it.each([
    ['127.0.0.1:80', '', '127.0.0.1', 80],
    ['book-1.svc.local:50051', '', 'book-1.svc.local', 50051],
    ['[::1]:80', '', '::1', 80],
    [':8080', '', '', 8080],
    ['host:0', '', 'host', 0],
    ['http://host:80', 'http', 'host', 80],
    ['HTTP://host:80/', 'http', 'host', 80],
    ['grpc://[fe80::1%eth0]:9000?isSecure=false', 'grpc', 'fe80::1%eth0', 9000],
  ])('reads %s', (text, scheme, host, port) => {
    expect(parseAddress(text)).toEqual({ scheme, host, port })
  })

  it.each([
    '',
    'host',
    'host:',
    'host:port',
    'host:65536',
    'host:123456',
    '::1:80',
    'host:80/path',
    'user@host:80',
    'a b:80',
    ' host:80',
    'host:-1',
    'a:1,b:2',
  ])('refuses %j, naming it', (text) => {
    expect(() => parseAddress(text)).toThrow(`invalid_argument: address ${JSON.stringify(text)}: must be host:port or [ipv6]:port`)
  })
})

describe('formatAddress', () => {
  it.each([
    ['host', 80],
    ['::1', 80],
    ['', 0],
  ])('is what parseAddress reads: %s %d', (host, port) => {
    expect(parseAddress(formatAddress(host, port))).toEqual({ scheme: '', host, port })
  })
})
