import { held } from '../support/memory.ts'

/** What one process holds at a time, after the collection of garbage. */
export interface Sample {
  /** Seconds since the load began. */
  readonly at: number
  /** Bytes of the heap, and of what is kept beside it. */
  readonly heap: number
  readonly rss: number
  /** Sockets, timers and whatever else the event loop knows of. */
  readonly handles: number
}

/** What this process holds now. */
export function sample(begun: number): Sample {
  const heap = held()
  const handles = process.getActiveResourcesInfo().length
  return { at: (performance.now() - begun) / 1000, heap, rss: process.memoryUsage.rss(), handles }
}
