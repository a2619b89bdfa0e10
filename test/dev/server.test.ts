import { afterEach, describe, expect, it } from 'vitest'
import { type DevRegistry, type DevRegistryOptions, startRegistry } from '../../src/dev/index.ts'
import { KV, Lease } from '../../src/gen/etcd/rpc_pb.ts'
import { manualClock } from '../../src/testing/index.ts'
import { bytes, eventsOf, type Peer, peer, watch } from './peer.ts'

describe('startRegistry', () => {
  const open: { close(): unknown }[] = []
  afterEach(async () => {
    for (const one of open.splice(0).reverse()) await one.close()
  })

  async function start(options?: DevRegistryOptions): Promise<{ registry: DevRegistry; client: Peer }> {
    const registry = await startRegistry(options)
    const client = peer(registry.address)
    open.push(registry, client)
    return { registry, client }
  }

  it('listens on a free port of this machine, at revision 1', async () => {
    const { registry } = await start()
    expect(registry.address).toMatch(/^127\.0\.0\.1:[1-9]\d*$/)
    expect(registry.url).toBe(`etcd://${registry.address}`)
    expect(registry.revision).toBe(1)
  })

  it('rejects naming the address when it is taken', async () => {
    const { registry } = await start()
    await expect(startRegistry({ address: registry.address })).rejects.toThrow(registry.address)
  })

  it.each(['historyLimit', 'progressInterval'])('rejects a bad %s naming it', async (name) => {
    for (const value of [0, -1, 1.5, Number.NaN]) {
      await expect(startRegistry({ [name]: value })).rejects.toThrow(
        `invalid_argument: startRegistry: ${name} must be a whole number above 0`,
      )
    }
  })

  it('compacts by itself, so that old watches are told to list again', async () => {
    const { registry, client } = await start({ historyLimit: 10 })
    for (let i = 0; i < 50; i++) await client.call(KV.method.put, { key: bytes('k'), value: bytes(String(i)) })
    expect(registry.revision).toBe(51)
    const call = watch(client, { key: bytes('k'), startRevision: 2n }, { key: bytes('k'), startRevision: 50n })
    await expect.poll(() => call.received.length, { timeout: 10_000 }).toBe(4)
    expect(call.received.find(({ canceled }) => canceled)).toMatchObject({ watchId: 0n, cancelReason: '' })
    expect(eventsOf(call, 1n).map(({ kv }) => kv?.modRevision)).toEqual([50n, 51n])
    call.cancel()
  })

  it('expires leases by its clock, keeps them alive on a stream, and answers 0 for one that is gone', async () => {
    const clock = manualClock()
    const { client } = await start({ clock })
    await client.call(Lease.method.leaseGrant, { ID: 7n, TTL: 10n })
    await client.call(KV.method.put, { key: bytes('k'), lease: 7n })
    const call = client.stream(Lease.method.leaseKeepAlive)
    clock.advanceSync(9000)
    call.send({ ID: 7n })
    await expect.poll(() => call.received.at(-1)?.TTL, { timeout: 10_000 }).toBe(10n)
    clock.advanceSync(9000)
    expect((await client.call(KV.method.range, { key: bytes('k') })).count).toBe(1n)
    clock.advanceSync(1000)
    expect((await client.call(KV.method.range, { key: bytes('k') })).count).toBe(0n)
    call.send({ ID: 7n })
    await expect.poll(() => call.received.at(-1)?.TTL, { timeout: 10_000 }).toBe(0n)
    call.end()
    await expect.poll(() => call.ended, { timeout: 10_000 }).toBe(true)
  })

  it('ends its watches when it is closed, and may be closed twice', async () => {
    const { registry, client } = await start()
    const call = watch(client, { key: bytes('k') })
    await expect.poll(() => call.received.length, { timeout: 10_000 }).toBe(1)
    await registry.close()
    await expect.poll(() => call.ended, { timeout: 10_000 }).toBe(true)
    await registry.close()
  })

  it('forgets a watch whose caller leaves', async () => {
    const clock = manualClock()
    const { client } = await start({ clock })
    const call = watch(client, { key: bytes('k') })
    await expect.poll(() => call.received.length, { timeout: 10_000 }).toBe(1)
    expect(clock.waiting).toBe(1)
    call.cancel()
    await expect.poll(() => clock.waiting, { timeout: 10_000 }).toBe(0)
  })
})
