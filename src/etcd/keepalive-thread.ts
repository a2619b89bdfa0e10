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
 * A {@link KeepAlive} in a thread of its own, which is started for the first lease and does not keep the process alive. Should
 * that thread end, `fallback` takes over all leases: late rather than never.
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
      if ('deadline' in report) lease.deadline = report.deadline - systemTime() + performance.now()
      else {
        leases.delete(report.id)
        lease.lose(new RpcError(report.lost.code, report.lost.message, { outbound: true }))
      }
    })
    started.on('error', (error) => {
      broken = true
      logger.error({ err: error }, `the thread that renews leases has ended; they are renewed without it: ${error.message}`)
      for (const lease of leases.values()) fallback.add(lease)
      leases.clear()
    })
    return started
  }

  function tell(request: ThreadRequest): void {
    worker ??= start()
    worker.postMessage(request)
  }

  return {
    add(lease) {
      if (broken) return fallback.add(lease)
      const { id, ttl, heartbeat, deadline } = lease
      leases.set(id, lease)
      tell({ add: { id, ttl, heartbeat, deadline: deadline - performance.now() + systemTime() } })
    },
    remove(lease) {
      if (leases.delete(lease.id)) tell({ remove: lease.id })
      else fallback.remove(lease)
    },
    stop() {
      leases.clear()
      void worker?.terminate()
      worker = undefined
    },
  }
}
