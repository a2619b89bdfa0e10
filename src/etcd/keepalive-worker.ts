import { parentPort, workerData } from 'node:worker_threads'
import { createKeepAlive, type Kept } from './keepalive.ts'
import { systemTime, type ThreadReport, type ThreadRequest } from './keepalive-thread.ts'
import { reachEtcd } from './reach.ts'

// What runs in the thread of keepalive-thread.ts.
const keepAlive = createKeepAlive(reachEtcd(workerData))
const leases = new Map<bigint, Kept>()
const report = (message: ThreadReport): void => parentPort?.postMessage(message)

parentPort?.on('message', (request: ThreadRequest) => {
  if ('remove' in request) {
    const lease = leases.get(request.remove)
    leases.delete(request.remove)
    if (lease !== undefined) keepAlive.remove(lease)
    return
  }
  const { id, ttl, heartbeat, deadline: until } = request.add
  let deadline = until - systemTime() + performance.now()
  const lease: Kept = {
    id,
    ttl,
    heartbeat,
    get deadline() {
      return deadline
    },
    set deadline(value) {
      deadline = value
      report({ id, deadline: value - performance.now() + systemTime() })
    },
    lose({ code, rawMessage: message }) {
      leases.delete(id)
      report({ id, lost: { code, message } })
    },
  }
  leases.set(id, lease)
  keepAlive.add(lease)
})
