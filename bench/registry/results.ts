import type { ChangeResults } from './change.ts'
import type { DiscoveryResults } from './discovery.ts'
import type { HerdResults } from './herd.ts'
import type { LatencyResults } from './latency.ts'
import type { ListFigures } from './list.ts'
import type { RegisteringFigures } from './registering.ts'

/** What `--json` prints: a key for every part that was run. */
export interface Results {
  readonly change?: ChangeResults
  readonly putToListenerMs?: LatencyResults
  readonly list?: ListFigures
  readonly registering?: RegisteringFigures
  readonly discovery?: DiscoveryResults
  readonly herd?: HerdResults
}
