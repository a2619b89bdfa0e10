import type { Layout } from '../etcd/layout.ts'

/** A {@link Layout} for the v2 API, where prefixes are directories. */
export interface DirectoryLayout extends Layout {
  /** Whether the directory of a service goes with its last instance. go-micro lists an empty one as a service; to go-kit a missing one is an error. */
  readonly prune?: boolean
}
