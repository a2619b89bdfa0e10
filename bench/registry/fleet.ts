import type { EtcdClient } from '../../dist/etcd/index.js'

/** Instances of a service as etcd has them, in the layout of some peer. */
export interface Fleet {
  readonly prefix: string
  /** Brings the number of instances to `count`; it only grows. */
  grow(count: number): Promise<void>
  /** One change: an instance comes, or, the next time, goes. Resolves when etcd has it. */
  change(): Promise<void>
}

interface Entry {
  readonly key: string
  readonly value: string
}

/** Keys and values as go-kit writes them; every listener but Moleculer's follows the same. */
export function goKitFleet(etcd: EtcdClient, prefix: string): Fleet {
  return fleet(etcd, prefix, (host, nth) => {
    const address = `10.${(host >> 16) & 255}.${(host >> 8) & 255}.${host & 255}:${8080 + nth}`
    return [{ key: prefix + address, value: address }]
  })
}

/** What Moleculer's etcd3 discoverer writes for a node: what it is, and that it is alive. */
export function moleculerFleet(etcd: EtcdClient): Fleet {
  const prefix = 'moleculer/discovery/'
  return fleet(etcd, prefix, (host, nth) => {
    const sender = `node-${host}-${nth}`
    const instanceID = `${host.toString(16).padStart(8, '0')}-5d4f-4f0a-8f3f-3a5d2f1c9b7e`
    const common = { sender, ver: '4', instanceID, seq: 1 }
    const client = { type: 'nodejs', version: '0.14.36', langVersion: 'v20.20.2' }
    const info = { ...common, services: [], ipList: ['10.0.0.1'], hostname: sender, client, config: {}, metadata: {} }
    return [
      { key: `${prefix}info/${sender}`, value: JSON.stringify(info) },
      { key: `${prefix}beats/${sender}/${instanceID.slice(0, 8)}/1`, value: JSON.stringify({ ...common, cpu: 0 }) },
    ]
  })
}

/** Writes a process on each of many hosts; `entriesOf` says what the nth process on a host writes. */
function fleet(etcd: EtcdClient, prefix: string, entriesOf: (host: number, nth: number) => readonly Entry[]): Fleet {
  let size = 0
  let turn = 0
  let guest: readonly Entry[] = []

  async function write(from: number, to: number): Promise<void> {
    const entries: Entry[] = []
    for (let host = from; host < to; host++) entries.push(...entriesOf(host, 0))
    await etcd.txn({ success: entries.map(({ key, value }) => ({ put: key, value })) }, { timeout: 30_000 })
  }

  return {
    prefix,
    async grow(count) {
      const batch = 60
      const worker = async (): Promise<void> => {
        while (size < count) {
          const from = size
          size = Math.min(size + batch, count)
          await write(from, size)
        }
      }
      await Promise.all(Array.from({ length: 8 }, worker))
    },
    async change() {
      const leaves = guest.length > 0
      // Now here, now there: V8's maps become slow when one key comes and goes all the time, and neighbours lie in the processor's caches.
      const entries = leaves ? guest : entriesOf((turn++ * 7919) % size, 1)
      guest = leaves ? [] : entries
      await etcd.txn({ success: entries.map(({ key, value }) => (leaves ? { delete: { key } } : { put: key, value })) })
    },
  }
}
