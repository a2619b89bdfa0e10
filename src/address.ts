import type { Socket } from 'node:net'
import { RpcError } from './error.ts'

/** An address taken apart. */
export interface Address {
  /** `http`, `grpc`, …; empty when the address has none. */
  readonly scheme: string
  /** Without brackets; empty means all interfaces. */
  readonly host: string
  readonly port: number
}

const pattern = /^(?:([a-z][a-z0-9+.-]*):\/\/)?(?:\[([^\]/]*)\]|([^:/[\]@?#\s]*)):(\d{1,5})\/?(?:\?.*)?$/i

/** Reads `host:port`, `[v6]:port` or either with a scheme. Throws `invalid_argument` naming the address. */
export function parseAddress(text: string): Address {
  const match = pattern.exec(text)
  const port = Number(match?.[4])
  if (!match || port > 65535)
    throw new RpcError('invalid_argument', `address ${JSON.stringify(text)}: must be host:port or [ipv6]:port, port 0 … 65535`)
  return { scheme: (match[1] ?? '').toLowerCase(), host: match[2] ?? match[3] ?? '', port }
}

/** `host:port`, with brackets around an IPv6 host. */
export function formatAddress(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}

/** Where a socket's peer is. IPv4 is told as such, also by a socket that takes IPv6 as well. */
export function peerAddress({ remoteAddress = '', remotePort = 0 }: Pick<Socket, 'remoteAddress' | 'remotePort'>): string {
  return formatAddress(remoteAddress.replace(/^::ffff:(?=[\d.]+$)/, ''), remotePort)
}
