import type { Transport } from '../transport.ts'
import { connectTo } from './mucp/client-connection.ts'
import { type MucpOptions, toSettings } from './mucp/options.ts'
import { listen } from './mucp/server.ts'

export type { MucpOptions } from './mucp/options.ts'

/**
 * go-micro's own protocol: every message a request of HTTP/1.1, one call at a time on a socket, in plain text. All four kinds of call;
 * metadata, deadlines and errors as go-micro has them, trailers and error details only between servers and clients of ours.
 * Throws `invalid_argument` naming an option that is wrong.
 */
export function mucp(options: MucpOptions = {}): Transport {
  const settings = toSettings(options)
  return {
    scheme: 'mucp',
    dial: (address, dialOptions = {}) => connectTo(address, settings, dialOptions),
    listen: (routes, { address }) => listen(routes, address, settings),
  }
}
