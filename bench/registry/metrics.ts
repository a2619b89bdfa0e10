import { setTimeout as delay } from 'node:timers/promises'

/** How many messages etcd has received since it started, by method: requests, and what came on streams. */
export type Received = ReadonlyMap<string, number>

/** Reads etcd's own metrics. Rejects when etcd is not there. */
export async function received(address: string): Promise<Received> {
  const text = await (await fetch(`http://${address}/metrics`)).text()
  const lines = text.matchAll(/^grpc_server_msg_received_total{grpc_method="(\w+)"[^}]*} (\S+)$/gm)
  return new Map([...lines].map(([, method = '', count]) => [method, Number(count)]))
}

/** What etcd has received in between, of one method or of all. */
export function between(before: Received, after: Received, method?: string): number {
  const of = (counts: Received): number =>
    method === undefined ? [...counts.values()].reduce((sum, one) => sum + one, 0) : (counts.get(method) ?? 0)
  return of(after) - of(before)
}

/** Looks all the time at how much etcd is asked; `stop` tells the most in a second that it has seen, taken over `window` milliseconds. */
export function watchPeak(address: string, window: number): { stop(): Promise<{ peak: number; total: number }> } {
  let running = true
  const end = (async () => {
    let peak = 0
    let total = 0
    let [before, at] = [await received(address), performance.now()]
    while (running) {
      await delay(window)
      const [after, now] = [await received(address), performance.now()]
      const count = between(before, after)
      peak = Math.max(peak, (count * 1000) / (now - at))
      total += count
      ;[before, at] = [after, now]
    }
    return { peak: Math.round(peak), total }
  })()
  return {
    stop() {
      running = false
      return end
    },
  }
}
