import { get } from 'node:http'

/** Reads etcd's own metrics for as long as it is not stopped. */
export interface Meter {
  /** Resolves with the most messages that etcd has received in a second, all members and methods together. */
  stop(): Promise<number>
}

const interval = 1000

/** Requests, and messages on streams, that a member has received since it started, by either API. 0 while it is down. */
export async function received(url: string): Promise<number> {
  try {
    const text = await metrics(url, 500)
    return sum(
      text.matchAll(
        /^(?:grpc_server_msg_received_total{[^}]*}|etcd_http_received_total{[^}]*}|etcd_debugging_store_watch_requests_total) (\S+)$/gm,
      ),
    )
  } catch {
    return 0
  }
}

/** How many watches a member has, of either API. */
export async function watchers(url: string): Promise<number> {
  const text = await metrics(url, 2000)
  return sum(text.matchAll(/^etcd_debugging_(?:mvcc_watcher_total|store_watchers) (\S+)$/gm))
}

/** What a member says of itself, on a connection of its own. Rejects when that takes longer than `ms`. */
function metrics(url: string, ms: number): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = ''
    const request = get(`${url}/metrics`, { agent: false }, (response) => {
      response.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk
      })
      response.on('end', () => resolve(text)).on('error', reject)
    })
    request.on('error', reject)
    const timer = setTimeout(() => {
      request.destroy()
      reject(new Error(`no metrics from ${url} for ${ms} ms`))
    }, ms)
    request.on('close', () => clearTimeout(timer))
  })
}

function sum(matches: Iterable<RegExpMatchArray>): number {
  return [...matches].reduce((total, [, value]) => total + Number(value), 0)
}

/** Measures the members at `urls`, once a second. What the test itself has asked so far, `own`, does not count. */
export async function startMeter(urls: readonly string[], own: () => number): Promise<Meter> {
  let ownBefore = own()
  let before = await Promise.all(urls.map(received))
  let at = performance.now()
  let peak = 0
  let running = true
  let wake = (): void => {}

  async function look(): Promise<void> {
    const ownNow = own()
    const now = await Promise.all(urls.map(received))
    // A member that has been restarted counts from 0.
    const rise = now.map((count, i) => (count >= (before[i] ?? 0) ? count - (before[i] ?? 0) : count))
    const seconds = Math.max(1, (performance.now() - at) / 1000)
    // What the test asks while the metrics are read may have been counted on either side of the reading.
    peak = Math.max(peak, (rise.reduce((total, count) => total + count, 0) - (own() - ownBefore)) / seconds)
    // What a member that did not answer has received is counted when it does.
    if (!now.includes(0)) ownBefore = ownNow
    before = now.map((count, i) => count || (before[i] ?? 0))
    at = performance.now()
  }

  async function run(): Promise<void> {
    while (running) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, interval)
        wake = () => {
          clearTimeout(timer)
          resolve()
        }
      })
      await look()
    }
  }

  const end = run()
  return {
    async stop() {
      running = false
      wake()
      await end
      return peak
    },
  }
}
