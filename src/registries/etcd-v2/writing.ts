import { RpcError } from '../../error.ts'
import type { Instance } from '../../registry.ts'
import type { Layout } from '../etcd/layout.ts'
import type { Attempt } from '../etcd/upkeep.ts'
import { otherIn } from '../etcd/writing.ts'
import type { Keys, Leaf } from './keys.ts'

/** What writing needs. */
export interface Writer {
  readonly name: string
  readonly keys: Keys
  readonly layouts: readonly Layout[]
  /** Milliseconds that a record lasts. */
  readonly ttl: number
  pause(ms: number): Promise<void>
}

/** How the records of an instance are to be written. */
export interface Writing extends Attempt {
  readonly instance: Instance
  /** Values that it may have at etcd already, by key. */
  readonly own: ReadonlyMap<string, string>
}

/** The records of an instance, by key. Throws `invalid_argument` where the v2 API has no such key, or hides it. */
export function recordsOf(layouts: readonly Layout[], instance: Instance): ReadonlyMap<string, string> {
  return new Map(
    layouts.map((layout) => {
      const key = layout.key(instance)
      const names = key.slice(1).split('/')
      if (!names.every((name) => /^(?![_]|\.{1,2}$)./s.test(name)))
        throw new RpcError(
          'invalid_argument',
          `register: ${key} is no key for etcd v2: no part may be empty, "." or "..", or begin with "_"`,
        )
      return [key, layout.encode(instance)]
    }),
  )
}

/**
 * Writes all records, one after the other; resolves with the index of the last. One that another process keeps alive is left alone
 * (`already_exists`), unless it has the very same address: then it is what a former process at this place has left behind.
 */
export async function writeRecords(writer: Writer, records: ReadonlyMap<string, string>, writing: Writing): Promise<number> {
  let index = 0
  for (const [key, value] of records)
    index = await (writing.force ? writer.keys.put(key, value, writer.ttl) : claim(writer, key, value, writing))
  return index
}

async function claim(writer: Writer, key: string, value: string, { instance, own, onTaken }: Writing): Promise<number> {
  const { name, keys, layouts, ttl } = writer
  for (let tries = 0; tries < 10; tries++) {
    const put = async (condition: object): Promise<number | undefined> => {
      try {
        return await keys.put(key, value, ttl, condition)
      } catch (error) {
        if (['already_exists', 'aborted', 'not_found'].includes(RpcError.from(error).code)) return undefined
        throw error
      }
    }
    const created = await put({ prevExist: false })
    if (created !== undefined) return created
    const found = await keys.get(key)
    if (found === undefined) continue
    const other = found.ttl === undefined || found.value === own.get(key) ? undefined : otherIn(layouts, instance, key, found.value)
    if (other !== undefined) {
      onTaken?.()
      if (onTaken === undefined || (await isRenewed(writer, found)))
        throw new RpcError(
          'already_exists',
          `${name}: ${instance.id} of "${instance.service}" is registered by ${other.address}, which is alive; ids must be unique`,
        )
      continue
    }
    // And then as `set`: go-micro v1 hears of no `compareAndSwap`.
    if ((await put({ prevIndex: found.modifiedIndex })) !== undefined) return keys.put(key, value, ttl)
  }
  throw new RpcError('aborted', `${name}: the records of ${instance.id} change again and again`)
}

/** Whether somebody renews a record; resolves when that is seen, or when the record is gone, so within its time to live. */
async function isRenewed({ keys, pause }: Writer, { key, modifiedIndex }: Leaf): Promise<boolean> {
  for (;;) {
    await pause(500)
    const now = await keys.get(key)
    if (now === undefined) return false
    if (now.modifiedIndex !== modifiedIndex) return true
  }
}
