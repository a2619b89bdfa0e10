import { Worker } from 'node:worker_threads'
import { RpcError } from '../error.ts'
import type { Logger } from '../logger.ts'
import type { KeepAlive, Kept } from './keepalive.ts'
import type { EtcdOptions } from './reach.ts'

/** What the thread is told about a lease. Times are milliseconds on {@link systemTime}. */
export type ThreadRequest =
  | { readonly add: Pick<Kept, 'id' | 'ttl' | 'heartbeat' | 'deadline'> }
  /** The lease is kept no longer. */
  | { readonly remove: bigint }

/** What the thread tells about a lease. */
export type ThreadReport =
  | { readonly id: bigint; readonly deadline: number }
  | { readonly id: bigint; readonly lost: { readonly code: RpcError['code']; readonly message: string } }

/** The clock that all threads share: the system's monotonic one. `performance.now()` begins anew in each. */
export function systemTime(): number {
  return Number(process.hrtime.bigint()) / 1e6
}

/**
 * A {@link KeepAlive} in a thread of its own, which is started for the first lease and does not keep the process alive. `fallback`
 * renews a lease until the thread has done so once, for a busy machine may take longer than the TTL to start one, and takes over
 * all leases should the thread end: late rather than never.
 */
export function createKeepAliveThread(options: EtcdOptions, fallback: KeepAlive, logger: Logger): KeepAlive & { stop(): void } {
  const leases = new Map<bigint, Kept>()
  let worker: Worker | undefined
  let broken = false

  function start(): Worker {
    const { endpoints, timeout, keepalive, tls } = options
    // Keep-alives need no token, so the thread has no credentials.
    const workerData = { endpoints, timeout, keepalive, tls: typeof tls === 'function' ? tls() : tls }
    const extension = import.meta.url.slice(import.meta.url.lastIndexOf('.'))
    const started = new Worker(new URL(`./keepalive-worker${extension}`, import.meta.url), { workerData })
    started.unref()
    started.on('message', (report: ThreadReport) => {
      const lease = leases.get(report.id)
      if (lease === undefined) return
      // A thread that began late may not know of what was renewed meanwhile.
      if ('lost' in report && report.lost.code === 'deadline_exceeded' && lease.deadline > performance.now()) return tell(request(lease))
      fallback.remove(lease)
      if ('deadline' in report) lease.deadline = report.deadline - systemTime() + performance.now()
      else {
        leases.delete(report.id)
        lease.lose(new RpcError(report.lost.code, report.lost.message, { outbound: true }))
      }
    })
    started.on('error', (error) => {
      broken = true
      logger.error({ err: error }, `the thread that renews leases has ended; they are renewed without it: ${error.message}`)
      for (const lease of leases.values()) {
        fallback.remove(lease)
        fallback.add(early(lease))
      }
      leases.clear()
    })
    return started
  }

  function tell(request: ThreadRequest): void {
    worker ??= start()
    worker.postMessage(request)
  }

  function request({ id, ttl, heartbeat, deadline }: Kept): ThreadRequest {
    return { add: { id, ttl, heartbeat, deadline: deadline - performance.now() + systemTime() } }
  }

  /** As the fallback sees it: what it loses, the thread must not keep. */
  function early(lease: Kept): Kept {
    const { id, ttl, heartbeat } = lease
    return {
      ...{ id, ttl, heartbeat },
      get deadline() {
        return lease.deadline
      },
      set deadline(value) {
        lease.deadline = value
      },
      lose(error) {
        if (leases.delete(id)) tell({ remove: id })
        lease.lose(error)
      },
    }
  }

  return {
    add(lease) {
      fallback.add(early(lease))
      if (broken) return
      leases.set(lease.id, lease)
      tell(request(lease))
    },
    remove(lease) {
      fallback.remove(lease)
      if (leases.delete(lease.id)) tell({ remove: lease.id })
    },
    stop() {
      leases.clear()
      void worker?.terminate()
      worker = undefined
    },
  }
}
