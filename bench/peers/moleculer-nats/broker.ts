import { ServiceBroker } from 'moleculer'

/** A broker on the NATS transporter. */
export function broker(nodeID: string, url: string): ServiceBroker {
  return new ServiceBroker({ nodeID, logger: false, transporter: url })
}
