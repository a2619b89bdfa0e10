import type { EtcdProcess } from './etcd.ts'

/** A key as it is at etcd. */
export interface Node {
  readonly value: string
  readonly ttl?: number
  readonly createdIndex: number
  readonly modifiedIndex: number
}

/** What {@link keysOf} returns. */
export type KeysOf = ReturnType<typeof keysOf>

/** Asks etcd as anybody would. */
export function keysOf(etcd: Pick<EtcdProcess, 'address'>) {
  const ask = async (method: string, key: string, form?: Record<string, string>): Promise<Response> =>
    fetch(`http://${etcd.address}/v2/keys${key}`, { method, ...(form && { body: new URLSearchParams(form) }) })
  return {
    async get(key: string): Promise<Node | undefined> {
      const answer = (await (await ask('GET', `${key}?quorum=true`)).json()) as { node?: Node }
      return answer.node
    },
    /** The last parts of the keys in a directory, however deep. */
    async ids(directory: string): Promise<readonly string[]> {
      const answer = (await (await ask('GET', `${directory}?quorum=true&recursive=true&sorted=true`)).json()) as { node?: Tree }
      return answer.node === undefined ? [] : leavesOf(answer.node)
    },
    put: (key: string, value: string, more: Record<string, string> = {}) => ask('PUT', key, { value, ...more }),
    remove: (key: string) => ask('DELETE', `${key}?recursive=true`),
  }
}

interface Tree {
  readonly key: string
  readonly dir?: boolean
  readonly nodes?: readonly Tree[]
}

function leavesOf({ key, dir, nodes = [] }: Tree): readonly string[] {
  return dir ? nodes.flatMap(leavesOf) : [key.slice(key.lastIndexOf('/') + 1)]
}
