import { get } from 'node:http'

/** Asks etcd all the time whether it answers, in the process whose clients are measured: what a busy machine costs, it costs both. */
export interface Probe {
  /** Since when it has been answering, as `performance.now()`. */
  readonly answering: number
  /** How often it has asked. */
  readonly asked: number
  stop(): Promise<void>
}

const between = 50
const patience = 250

/** Probes the members at `urls`: one that is healthy is enough, as for a client that has them all. */
export function startProbe(urls: readonly string[]): Probe {
  let answering = performance.now()
  let answered = true
  let running = true
  let times = 0

  async function run(): Promise<void> {
    while (running) {
      const asked = performance.now()
      times += 1
      const healthy = await Promise.any(urls.map(health)).catch(() => false)
      if (healthy && !answered) answering = asked
      answered = healthy
      await new Promise((resolve) => setTimeout(resolve, between))
    }
  }

  const end = run()
  return {
    get asked() {
      return times
    },
    get answering() {
      return answered ? answering : Number.POSITIVE_INFINITY
    },
    async stop() {
      running = false
      await end
    },
  }
}

/** Resolves when a member says that it is healthy: it has a leader, and space. Rejects otherwise. */
function health(url: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const request = get(`${url}/health`, { agent: false }, (response) => {
      response.resume().on('end', () => (response.statusCode === 200 ? resolve(true) : reject(new Error('unhealthy'))))
      response.on('error', reject)
    })
    request.on('error', reject).on('close', () => clearTimeout(timer))
    const timer = setTimeout(() => request.destroy(new Error('no answer')), patience)
  })
}

/** One way down and back. */
export interface Recovery {
  readonly who: string
  /** Milliseconds from when it was down and etcd was answering. */
  readonly ms: number
}

/** States of `who` as they are told, and how long every way back took. */
export function follow<T>(who: string, probe: Probe, up: (state: T) => boolean, subscribe: (listener: (state: T) => void) => unknown) {
  const told: T[] = []
  const recoveries: Recovery[] = []
  let down: number | undefined
  subscribe((state) => {
    told.push(state)
    if (!up(state)) down ??= performance.now()
    else if (down !== undefined) {
      const now = performance.now()
      recoveries.push({ who, ms: now - Math.min(now, Math.max(down, probe.answering)) })
      down = undefined
    }
  })
  return { told, recoveries }
}
