import { ServiceBroker } from 'moleculer'

/** A broker that talks over NATS and finds others by `discoverer`: `Local`, over NATS too, or `Etcd3`. */
export function broker(nodeID: string, [nats, discoverer, etcd]: readonly string[]): ServiceBroker {
  const options = discoverer === 'Etcd3' ? { etcd: { hosts: `http://${etcd}` } } : {}
  return new ServiceBroker({
    nodeID,
    logger: false,
    transporter: nats ?? '',
    registry: { discoverer: { type: discoverer ?? 'Local', options } },
  })
}
