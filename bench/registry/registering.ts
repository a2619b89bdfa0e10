import { setTimeout as delay } from 'node:timers/promises'
import { between, received } from './metrics.ts'
import { rounded } from './numbers.ts'
import { cpuOf, startNode } from './program.ts'
import type { Scene } from './scene.ts'

/** What many instances of one process cost. */
export interface RegisteringFigures {
  readonly instances: number
  /** From the first `register()` until all are registered, in milliseconds. */
  readonly ms: number
  /** What etcd was asked for it. */
  readonly requests: number
  readonly leases: number
  /** Of all kinds, once all are registered. */
  readonly requestsPerSecondAtRest: number
  /** 1: no lease is kept alive more often than every third of its TTL. */
  readonly keepAlivesPerLease: number
  /** Processor time of etcd at rest, in milliseconds a second. */
  readonly etcdCpuMsPerSecondAtRest: number
  /** From when the first of them learns that somebody has revoked their lease until all are registered again, in milliseconds. */
  readonly healMs: number
  /** What etcd was asked meanwhile, the revocation included. */
  readonly healRequests: number
  /** From the registry's `close()` until none is left, in milliseconds. */
  readonly closeMs: number
}

/** The default TTL of a registration. */
const third = 10_000 / 3

/** Registers `size` instances from one process, each by a `register()` of its own, all at once. */
export async function measureRegistering({ etcd, note, quick }: Scene, size: number): Promise<RegisteringFigures> {
  note(`registering: ${size} instances`)
  const leasesBefore = await leases()
  const program = await startNode('registering', [etcd.address, String(size)])
  try {
    const before = await received(etcd.address)
    const { ms = 0 } = await program.ask('register')
    const requests = between(before, await received(etcd.address))
    const own = (await leases()).filter((id) => !leasesBefore.includes(id))
    const count = own.length
    await delay(500)
    const periods = quick ? 1 : 3
    const time = periods * third - 50
    const [rest, cpu] = [await received(etcd.address), cpuOf(etcd.pid)]
    await delay(time)
    const [after, cpuAfter] = [await received(etcd.address), cpuOf(etcd.pid)]
    const healed = program.ask('heal')
    for (const id of own) await etcd.etcdctl('lease', 'revoke', id)
    const { ms: healMs = 0 } = await healed
    const healRequests = between(after, await received(etcd.address))
    const { ms: closeMs = 0 } = await program.ask('close')
    return {
      instances: size,
      ms: Math.round(ms),
      requests,
      leases: count,
      requestsPerSecondAtRest: rounded(between(rest, after) / (time / 1000)),
      keepAlivesPerLease: rounded(between(rest, after, 'LeaseKeepAlive') / count / periods),
      etcdCpuMsPerSecondAtRest: rounded(((cpuAfter ?? 0) - (cpu ?? 0)) / time),
      healMs: Math.round(healMs),
      healRequests,
      closeMs: Math.round(closeMs),
    }
  } finally {
    await program.stop()
  }

  /** Their ids; the first line says how many there are. */
  async function leases(): Promise<readonly string[]> {
    const text = await etcd.etcdctl('lease', 'list')
    return text.trim().split('\n').slice(1)
  }
}
