import { ServiceBroker } from 'moleculer'
import { listen } from '../listener.ts'

/** What of its etcd3 discoverer is used here; it has no types of its own. */
interface Discoverer {
  collectOnlineNodes(): Promise<void>
}

let collect: () => Promise<void>
let moved = (): void => {}

// It does not watch but reads the keys of all nodes at every heartbeat, every 10 s: here, whenever it is told to.
await listen(
  async (address, _prefix, { changed }) => {
    const broker = new ServiceBroker({
      nodeID: 'listener',
      logger: false,
      transporter: 'Fake',
      heartbeatInterval: 3600,
      heartbeatTimeout: 7200,
      registry: { discoverer: { type: 'Etcd3', options: { etcd: { hosts: `http://${address}` }, fullCheck: 0 } } },
    })
    let size = 0
    let known = false
    const move = (by: number): void => {
      size += by
      if (known) changed(size)
      moved()
    }
    broker.localBus.on('$node.connected', () => move(1))
    broker.localBus.on('$node.disconnected', () => move(-1))
    await broker.start()
    const { discoverer } = broker.registry as unknown as { discoverer: Discoverer }
    collect = () => discoverer.collectOnlineNodes()
    for (let before = -1; before !== size; ) {
      before = size
      await new Promise((resolve) => setTimeout(resolve, 500))
    }
    known = true
    return size
  },
  {
    async collect() {
      const change = new Promise<void>((resolve) => {
        moved = resolve
      })
      await collect()
      await change
      return {}
    },
  },
)
