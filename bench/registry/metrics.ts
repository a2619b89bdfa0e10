import { setTimeout as delay } from 'node:timers/promises'

/** How many messages etcd has received since it started, by method: requests, and what came on streams. */
export type Received = ReadonlyMap<string, number>

/** Reads etcd's own metrics. Rejects when etcd is not there. */
export async function received(address: string): Promise<Received> {
  const text = await (await fetch(`http://${address}/metrics`)).text()
  const lines = text.matchAll(/^grpc_server_msg_received_total{grpc_method="(\w+)"[^}]*} (\S+)$/gm)
  const counts = new Map<string, number>()
  // The watches of etcd's health service are of the same name.
  for (const [, method = '', count] of lines) counts.set(method, (counts.get(method) ?? 0) + Number(count))
  return counts
}

/** What etcd has received in between, of one method or of all. */
export function between(before: Received, after: Received, method?: string): number {
  const of = (counts: Received): number =>
    method === undefined ? [...counts.values()].reduce((sum, one) => sum + one, 0) : (counts.get(method) ?? 0)
  return of(after) - of(before)
}

/** What an etcd that has just been started is asked. */
export interface Rush {
  /** The most in a second. */
  readonly peak: number
  readonly total: number
  /** The longest time between two looks, in milliseconds: an etcd that is busy answers late, and what came meanwhile counts as spread over it. */
  readonly longest: number
}

/** Waits for an etcd that is being started, then looks every `window` milliseconds at how much it is asked, until stopped. */
export function watchRush(address: string, window: number): { readonly up: Promise<void>; stop(): Promise<Rush> } {
  let running = true
  let arrived = (): void => {}
  const up = new Promise<void>((resolve) => {
    arrived = resolve
  })
  const end = (async (): Promise<Rush> => {
    let peak = 0
    let longest = 0
    let before: Received = new Map()
    let at = performance.now()
    while (running) {
      const after = await received(address).catch(() => undefined)
      const now = performance.now()
      if (after !== undefined) {
        arrived()
        if (before.size > 0) longest = Math.max(longest, now - at)
        peak = Math.max(peak, (between(before, after) * 1000) / Math.max(window, now - at))
        before = after
      }
      at = now
      await delay(after === undefined ? 10 : window)
    }
    return { peak: Math.round(peak), total: between(new Map(), before), longest: Math.round(longest) }
  })()
  return {
    up,
    stop() {
      running = false
      return end
    },
  }
}
