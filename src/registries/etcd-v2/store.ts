import type { Store } from '../etcd/store.ts'
import { toKeyValue } from './key-value.ts'
import type { Keys } from './keys.ts'
import type { Link } from './link.ts'
import { poll } from './watch.ts'

/** What a {@link Store} on the v2 API needs. */
export interface StoreOptions {
  readonly link: Link
  readonly keys: Keys
  readonly keepalive: { readonly interval: number; readonly timeout: number }
  readonly random: () => number
}

/** Reads and watches by the v2 API. A prefix is a directory there, whether or not it ends in `/`. */
export function createStore({ link, keys, keepalive, random }: StoreOptions): Store {
  return {
    name: link.name,
    pause: link.pause,
    async *pages({ prefix }) {
      const { index, leaves } = await keys.list(directory(prefix))
      yield { revision: index, kvs: leaves.map(toKeyValue) }
    },
    watch({ startRevision: startIndex, listener, ...what }) {
      const key = 'key' in what ? what.key : directory(what.prefix)
      return { cancel: poll(link, { key, startIndex, listener, ...keepalive, random }) }
    },
  }
}

function directory(prefix: string): string {
  return prefix.length > 1 && prefix.endsWith('/') ? prefix.slice(0, -1) : prefix
}
