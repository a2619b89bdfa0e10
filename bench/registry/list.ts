import { goMicro } from '../../dist/registries/etcd.js'
import { between, received } from './metrics.ts'
import { rounded } from './numbers.ts'
import { startNode } from './program.ts'
import { instance } from './records.ts'
import type { Scene } from './scene.ts'

/** What the first reading of a large service costs. */
export interface ListFigures {
  readonly instances: number
  /** Of one record's value in etcd. */
  readonly recordBytes: number
  /** From `watch()` to the first set, in milliseconds. */
  readonly ms: number
  /** How many requests it took. */
  readonly pages: number
  /** Of heap and buffers, after garbage has been collected. */
  readonly bytesPerInstance: number
}

/** Lists `size` instances as go-micro writes them, with metadata, in a process that had no others. */
export async function measureList({ client, etcd, note }: Scene, size: number): Promise<ListFigures> {
  note(`list: ${size} instances`)
  const layout = goMicro()
  let recordBytes = 0
  for (let from = 0; from < size; from += 100) {
    const records = Array.from({ length: Math.min(100, size - from) }, (_, i) => instance('listed', from + i))
    const puts = records.map((record) => ({ put: layout.key(record), value: layout.encode(record) }))
    recordBytes = puts[0]?.value.length ?? 0
    await client.txn({ success: puts })
  }
  const program = await startNode('holding', [etcd.address, 'listed'])
  try {
    const before = await received(etcd.address)
    const { listMs = 0, bytesPerInstance = 0 } = await program.ask('follow')
    const pages = between(before, await received(etcd.address), 'Range')
    return { instances: size, recordBytes, ms: rounded(listMs), pages, bytesPerInstance: Math.round(bytesPerInstance) }
  } finally {
    await program.stop()
  }
}
