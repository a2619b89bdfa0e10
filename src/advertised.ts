import { isIPv6 } from 'node:net'
import { networkInterfaces } from 'node:os'
import { formatAddress, parseAddress } from './address.ts'

/**
 * The address at which others reach who listens: what is to be advertised, with the port if it has none; else where it listens, or, where that is every
 * address of this machine, the first that others can reach. Throws for what is no address.
 */
export function advertised(listening: string, advertise: string | undefined): string {
  const { host, port } = parseAddress(listening)
  if (advertise !== undefined) {
    if (isIPv6(advertise)) return formatAddress(advertise, port)
    return /:\d+$/.test(advertise) ? advertise : `${advertise}:${port}`
  }
  return formatAddress(host === '' || host === '0.0.0.0' || host === '::' ? externalAddress() : host, port)
}

/** Whether an address says whom to call. */
export function canBeCalled(address: string): boolean {
  try {
    return parseAddress(address).host !== ''
  } catch {
    return false
  }
}

function externalAddress(): string {
  const all = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? [])
  return all.find(({ family, internal }) => family === 'IPv4' && !internal)?.address ?? '127.0.0.1'
}
