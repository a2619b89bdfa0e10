import type { ChangeResults } from './change.ts'
import type { LatencyResults } from './latency.ts'

/** What `--json` prints: a key for every part that was run. */
export interface Results {
  readonly change?: ChangeResults
  readonly putToListenerMs?: LatencyResults
}
