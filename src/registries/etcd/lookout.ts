import type { Watch, WatchEvent, WatchListener } from '../../etcd/index.ts'
import type { KeyWatchOptions, Store } from './store.ts'

/** Watches single keys, of which there may be thousands in a directory. */
export interface Lookout {
  /** As the store does. Keys of different leases are not watched together: with another lease the store may be another one, too. */
  watch(options: KeyWatchOptions, lease: bigint): Cancelable
}

type Cancelable = Pick<Watch, 'cancel'>

/** So many keys of a directory are watched one by one: a process that has few is not to be told what all the others do there. */
const few = 8

/** The first few keys of a directory are watched one by one, all further ones by one watch on the directory. */
export function createLookout(store: Pick<Store, 'watch'>): Lookout {
  const crowds = new Map<string, Crowd>()
  return {
    watch(options, lease) {
      const directory = options.key.slice(0, options.key.lastIndexOf('/') + 1)
      const name = `${lease} ${directory}`
      const crowd = crowds.get(name) ?? createCrowd(store, directory, () => crowds.delete(name))
      crowds.set(name, crowd)
      return crowd.join(options)
    },
  }
}

/** The watched keys of a directory. */
interface Crowd {
  join(options: KeyWatchOptions): Cancelable
}

interface Member {
  readonly options: KeyWatchOptions
  alone?: Cancelable
}

function createCrowd(store: Pick<Store, 'watch'>, directory: string, ended: () => void): Crowd {
  const members = new Set<Member>()
  /** Those that are not watched alone. */
  const together = new Map<string, Member>()
  let shared: Cancelable | undefined
  /** Where the shared watch began. */
  let from = Number.POSITIVE_INFINITY
  let refused = directory === ''

  const listener: WatchListener = {
    events(events, revision) {
      const byKey = new Map<string, WatchEvent[]>()
      for (const event of events) {
        const { keyText } = event.kv
        if (together.has(keyText)) byKey.set(keyText, [...(byKey.get(keyText) ?? []), event])
      }
      for (const [key, own] of byKey) together.get(key)?.options.listener.events(own, revision)
    },
    compacted(revision) {
      for (const { options } of disperse()) options.listener.compacted(revision)
    },
    // Perhaps the user may read these keys and not the directory.
    error() {
      refused = true
      for (const member of disperse()) member.alone = store.watch(member.options)
    },
  }

  function disperse(): readonly Member[] {
    const all = [...together.values()]
    together.clear()
    shared?.cancel()
    shared = undefined
    from = Number.POSITIVE_INFINITY
    return all
  }

  return {
    join(options) {
      const { key, startRevision } = options
      const member: Member = { options }
      members.add(member)
      if (refused || members.size - together.size <= few || together.has(key)) member.alone = store.watch(options)
      else together.set(key, member)
      // Who was written before the others may be heard of after them.
      if (member.alone === undefined && startRevision < from) {
        shared?.cancel()
        from = startRevision
        shared = store.watch({ prefix: directory, startRevision, listener })
      }
      return {
        cancel() {
          member.alone?.cancel()
          members.delete(member)
          if (together.get(key) === member) together.delete(key)
          if (together.size === 0) disperse()
          if (members.size === 0) ended()
        },
      }
    },
  }
}
