import { type ListenOptions, Server } from 'node:net'
import { ServiceBroker } from 'moleculer'

// Moleculer listens on every interface and has no option for it; a measurement has no business there.
const { listen } = Server.prototype
Server.prototype.listen = function (this: Server, options: ListenOptions, listening?: () => void): Server {
  return listen.call(this, { ...options, host: '127.0.0.1' }, listening) as Server
} as typeof listen

/** A broker on the TCP transporter that finds others only where it is told to. */
export function broker(nodeID: string, port: number, urls: readonly string[]): ServiceBroker {
  const options = { udpDiscovery: false, port, urls: urls.join(',') || null }
  return new ServiceBroker({ nodeID, logger: false, transporter: { type: 'TCP', options } })
}
