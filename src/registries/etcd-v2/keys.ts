import { type Code, RpcError } from '../../error.ts'
import type { KeyRequest, Link, Query } from './link.ts'

/** A key that has a value. Indices stay below 2^53 for longer than a store lives. */
export interface Leaf {
  readonly key: string
  readonly value: string
  readonly createdIndex: number
  /** When it was written or refreshed last. */
  readonly modifiedIndex: number
  /** Seconds that are left; undefined where it stays. */
  readonly ttl: number | undefined
}

/** What must hold for a writing to be done. */
export interface Condition {
  readonly prevExist?: boolean
  readonly prevIndex?: number
  readonly prevValue?: string
}

/** etcd's v2 keys API: https://etcd.io/docs/v2.3/api/ */
export interface Keys {
  /** All leaves under a directory, however deep, and etcd's index then. None where there is no such directory. */
  list(directory: string): Promise<{ readonly index: number; readonly leaves: readonly Leaf[] }>
  get(key: string): Promise<Leaf | undefined>
  /** Resolves with the index that it made. Rejects with `aborted`, `already_exists` or `not_found` where the condition does not hold. */
  put(key: string, value: string, ttl: number, condition?: Condition): Promise<number>
  /**
   * Gives a key its whole time again, which no watch hears of, if it has this value. Rejects with `not_found` or `aborted`. With a `timeout` nobody
   * waits for it.
   */
  refresh(key: string, value: string, ttl: number, timeout?: number): Promise<void>
  /** Removes a key that has this value; any other stays. As `delete`: go-micro v1 hears of no `compareAndDelete`. */
  remove(key: string, value: string): Promise<void>
  /** Removes a directory if it is there and empty. */
  prune(directory: string): Promise<void>
}

/** The keys that a link leads to. TTLs are in milliseconds, whole seconds of them. */
export function createKeys(link: Link): Keys {
  async function write(key: string, form: Query, more?: Pick<KeyRequest, 'timeout' | 'background'>): Promise<number> {
    const { body } = await link.request({ method: 'PUT', key, form, ...more })
    return body.node?.modifiedIndex ?? 0
  }

  async function refresh(key: string, value: string, ttl: number, timeout?: number): Promise<void> {
    const condition = { refresh: true, prevExist: true, prevValue: value }
    await write(key, { ttl: ttl / 1000, ...condition }, timeout === undefined ? {} : { timeout, background: true })
  }

  return {
    async list(directory) {
      const { index, body } = await link.request({ method: 'GET', key: directory, query: { recursive: true, quorum: true } })
      return { index, leaves: body.node === undefined ? [] : leavesOf(body.node) }
    },
    async get(key) {
      const { node } = (await link.request({ method: 'GET', key, query: { quorum: true } })).body
      return node === undefined || node.dir ? undefined : toLeaf(node)
    },
    put: (key, value, ttl, condition) => write(key, { value, ttl: ttl / 1000, ...condition }),
    refresh,
    async remove(key, value) {
      try {
        // It is this one's, and stays so for the moment.
        await refresh(key, value, 5000)
        await link.request({ method: 'DELETE', key })
      } catch (error) {
        unless(error, 'not_found', 'aborted')
      }
    },
    async prune(directory) {
      try {
        await link.request({ method: 'DELETE', key: directory.replace(/\/$/, ''), query: { dir: true } })
      } catch (error) {
        unless(error, 'not_found', 'failed_precondition')
      }
    },
  }
}

/** A node as etcd writes it. */
export interface WireNode {
  readonly key: string
  readonly value?: string
  readonly dir?: boolean
  readonly nodes?: readonly WireNode[]
  readonly createdIndex: number
  readonly modifiedIndex: number
  readonly ttl?: number
}

/** From the wire's form. */
export function toLeaf({ key, value = '', createdIndex, modifiedIndex, ttl }: WireNode): Leaf {
  return { key, value, createdIndex, modifiedIndex, ttl }
}

function unless(error: unknown, ...codes: readonly Code[]): void {
  if (!codes.includes(RpcError.from(error).code)) throw error
}

function leavesOf(node: WireNode): readonly Leaf[] {
  return node.dir ? (node.nodes ?? []).flatMap(leavesOf) : [toLeaf(node)]
}
