import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'
import { etcdClient } from '../../src/etcd/index.ts'
import { requireEtcd, startCluster } from '../support/etcd.ts'
import { startProxy } from '../support/proxy.ts'
import { useBuild } from './child.ts'
import { onBoth, patience } from './scene.ts'

const built = useBuild()
const program = fileURLToPath(new URL('leak-child.mjs', import.meta.url))
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

interface Holds {
  readonly resources: number
  readonly timers: number
  readonly listeners: number
  readonly heap: number
  readonly heard: number
  readonly state: string
  readonly status: string
}

onBoth('a process', (size) => {
  it.concurrent('holds no more after a hundred faults than before them: handles, timers, listeners, memory', async (ctx) => {
    requireEtcd(ctx)
    const members = await startCluster(size)
    const proxies = await Promise.all(members.map(({ address }) => startProxy(address)))
    const admin = etcdClient({ endpoints: members.map(({ address }) => address) })
    const args = ['--expose-gc', program, join(built().directory, 'dist'), ...proxies.map(({ address }) => address)]
    const child = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'inherit'] })
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()

    async function holds(): Promise<Holds> {
      child.stdin.write('\n')
      const { value } = await lines.next()
      return JSON.parse(value ?? '{}')
    }

    /** Once all is well again, and nothing of it is under way. */
    async function settled(): Promise<Holds> {
      for (const end = performance.now() + patience; ; await pause(200)) {
        const all = await holds()
        if (all.state === 'registered' && all.status === 'connected') return all
        if (performance.now() > end) throw new Error(`not whole: ${JSON.stringify(all)}`)
      }
    }

    async function faults(count: number): Promise<void> {
      for (let i = 0; i < count; i++) {
        const { kvs } = await admin.range({ prefix: '/micro/registry/echo/' })
        const [kv] = kvs
        if (i % 3 === 0) for (const proxy of proxies) proxy.cut()
        else if (i % 3 === 1 && kv !== undefined) await admin.revoke(kv.lease).catch(() => {})
        else if (kv !== undefined) await admin.delete({ key: kv.key })
        if (i % 10 === 9) {
          for (const proxy of proxies) proxy.hold()
          await pause(50)
          for (const proxy of proxies) proxy.heal()
        }
        await pause(60)
      }
    }

    try {
      expect((await lines.next()).value).toBe('ready')
      // What is made once, and what the compiler makes of code that is used often.
      await faults(30)
      const before = await settled()
      await faults(100)
      const after = await settled()
      expect(after.heard).toBeGreaterThan(before.heard)
      expect({ resources: after.resources, listeners: after.listeners }).toEqual({
        resources: before.resources,
        listeners: before.listeners,
      })
      expect(after.timers).toBeLessThanOrEqual(before.timers + 3)
      // A hundred faults of which each left a connection's buffers would be megabytes.
      expect(after.heap - before.heap, 'bytes').toBeLessThan(2_000_000)
    } finally {
      const gone = once(child, 'exit')
      child.kill('SIGKILL')
      await gone
      await admin.close()
      await Promise.all([...proxies.map((proxy) => proxy.close()), ...members.map((member) => member.stop())])
    }
  })
})
