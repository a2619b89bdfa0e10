import { backoff } from '../../backoff.ts'
import { RpcError } from '../../error.ts'
import type { WatchEvent, WatchListener } from '../../etcd/index.ts'
import { toKeyValue } from './key-value.ts'
import { toLeaf } from './keys.ts'
import type { KeyAnswer, Link } from './link.ts'

/** What to watch, and from where. */
export interface PollOptions {
  /** A key, or a directory and all that is in it. */
  readonly key: string
  /** First index of interest. */
  readonly startIndex: number
  readonly listener: WatchListener
  /** How long a poll may hang without a word, and how long its beginning may take, in milliseconds. */
  readonly interval: number
  readonly timeout: number
  readonly random: () => number
}

const removals = new Set(['delete', 'expire', 'compareAndDelete'])

/**
 * Watches by one request after the other that etcd answers when something happens. It is made anew when it has hung for `interval`, which
 * shows that etcd is there, and keeps its index among the thousand that etcd remembers. Returns how to stop.
 */
export function poll(link: Link, options: PollOptions): () => void {
  const { key, listener, interval, timeout, random } = options
  const canceled = new AbortController()
  const wait = backoff({ base: 50, factor: 2, max: 500, jitter: 1, random })
  let next = options.startIndex
  let broken = false

  /** etcd has answered: `index` is its own. */
  function heard(index: number): boolean {
    if (canceled.signal.aborted) return false
    wait.reset()
    // Its history does not reach to where the last one's had come: it is another store.
    if (index < next - 1) return end(() => listener.compacted(index))
    if (broken) {
      broken = false
      listener.resumed?.()
    }
    return true
  }

  function end(report: () => void): false {
    canceled.abort()
    report()
    return false
  }

  function take({ body }: KeyAnswer, since: number): void {
    if (body.node === undefined) {
      next = Math.max(next, since + 1)
      listener.progress?.(next - 1)
      return
    }
    const { action = '', node, prevNode } = body
    const removed = removals.has(action)
    // A directory is removed with all that is in it, which nobody lists.
    if (removed && (prevNode?.dir || !within(node.key, key))) return void end(() => listener.compacted(node.modifiedIndex))
    next = node.modifiedIndex + 1
    if (node.dir) return
    const event: WatchEvent = { type: removed ? 'delete' : 'put', kv: toKeyValue(toLeaf(node)) }
    listener.events([event], node.modifiedIndex)
  }

  async function run(): Promise<void> {
    while (!canceled.signal.aborted) {
      let since = 0
      try {
        const answer = await link.request({
          ...{ method: 'GET', key, timeout, idle: interval, background: true, signal: canceled.signal },
          query: { wait: true, recursive: true, waitIndex: next },
          onIndex(index) {
            since = index
            heard(index)
          },
        })
        if (!canceled.signal.aborted) take(answer, since)
      } catch (thrown) {
        if (canceled.signal.aborted || link.closed) return
        await fail(RpcError.from(thrown))
      }
    }
  }

  async function fail(error: RpcError): Promise<void> {
    if (error.code === 'out_of_range') return void end(() => listener.compacted(next))
    if (error.code !== 'unavailable' && error.code !== 'deadline_exceeded') return void end(() => listener.error(error))
    if (!broken) {
      broken = true
      listener.interrupted?.(error)
    }
    await link.pause(wait.next())
  }

  void run()
  return () => canceled.abort()
}

function within(key: string, directory: string): boolean {
  return key === directory || key.startsWith(directory.endsWith('/') ? directory : `${directory}/`)
}
