import type { EtcdClient, KeyValue, Watch, WatchListener } from '../../etcd/index.ts'

/** What a registry needs of a client to read and to watch; `beckon/registries/etcd-v2` offers it on etcd's former API. */
export interface Store extends Pick<EtcdClient, 'name' | 'pause'> {
  pages(range: { readonly prefix: string }): AsyncIterable<{ readonly revision: number; readonly kvs: readonly KeyValue[] }>
  watch(options: StoreWatchOptions): Pick<Watch, 'cancel'>
}

/** What to watch: one key, or all that begin alike; and from where. */
export type StoreWatchOptions = ({ readonly prefix: string } | { readonly key: string }) & {
  /** First revision of interest. */
  readonly startRevision: number
  readonly listener: WatchListener
}

/** … where it is one key. */
export type KeyWatchOptions = StoreWatchOptions & { readonly key: string }
