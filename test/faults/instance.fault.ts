import { expect, it } from 'vitest'
import { createChannel, createClient } from '../../src/index.ts'
import { etcd } from '../../src/registries/etcd.ts'
import { grpc } from '../../src/transports/grpc.ts'
import { Echo } from '../gen/echo_pb.ts'
import { until } from '../support/echo.ts'
import { requireEtcd, startCluster } from '../support/etcd.ts'
import { spawnInstance } from '../support/instance.ts'
import { startLoad } from '../support/load.ts'
import { onBoth, patience } from './scene.ts'

onBoth('an instance', (size) => {
  it.concurrent('paused (SIGSTOP) with calls in flight costs no idempotent call where its silence is asked about before they must have ended', async (ctx) => {
    requireEtcd(ctx)
    const members = await startCluster(size)
    const endpoints = members.map(({ address }) => address)
    const instances = ['a', 'b'].map((id) => spawnInstance(`etcd://${endpoints}`, id))
    const registry = etcd({ endpoints })
    const transport = grpc({ keepalive: { interval: 2000, timeout: 1000 } })
    const channel = createChannel({ service: 'echo', registry, transport })
    const client = createClient(Echo, { channel, timeout: 60_000 })
    try {
      await Promise.all(instances.map((instance) => instance.serving()))
      await until('both in the pick', () => channel.nodes.filter((node) => node.state === 'ready').length === 2, patience)
      const load = startLoad(async () => (await client.unary({})).text, 8)
      await until('calls at both', () => Object.keys(load.tally.perInstance).length === 2, patience)
      instances[0]?.child.kill('SIGSTOP')
      const began = performance.now()
      const before = load.tally.perInstance.a ?? 0
      await new Promise((resolve) => setTimeout(resolve, 4000))
      const { failures, calls, perInstance } = await load.stop()
      // None has waited for the one that says nothing until it had to end.
      expect(performance.now() - began).toBeLessThan(30_000)
      expect(failures.map(({ message }) => message)).toEqual([])
      expect((perInstance.a ?? 0) - before).toBeLessThan(20)
      expect(calls).toBeGreaterThan(50)
    } finally {
      await Promise.all(instances.map((instance) => instance.end('SIGKILL')))
      await channel.close()
      await registry.close()
      await Promise.all(members.map((member) => member.stop()))
    }
  })
})
