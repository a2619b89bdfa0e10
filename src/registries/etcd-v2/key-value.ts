import type { KeyValue } from '../../etcd/index.ts'
import type { Leaf } from './keys.ts'

/** A leaf as the registry takes records of either API: an index is a revision, and there are no leases and versions. */
export function toKeyValue({ key, value, createdIndex, modifiedIndex }: Leaf): KeyValue {
  return {
    get key() {
      return Buffer.from(key)
    },
    get value() {
      return Buffer.from(value)
    },
    keyText: key,
    text: value,
    createRevision: createdIndex,
    modRevision: modifiedIndex,
    version: 0,
    lease: 0n,
  }
}
