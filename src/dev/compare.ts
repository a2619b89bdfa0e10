import type { KeyValue } from '../gen/etcd/kv_pb.ts'
import { type Compare, Compare_CompareResult as Result, Compare_CompareTarget as Target } from '../gen/etcd/rpc_pb.ts'
import { spanOf } from './span.ts'
import type { View } from './store.ts'

const absent = { version: 0n, createRevision: 0n, modRevision: 0n, lease: 0n, value: new Uint8Array(0) }

/** Whether a comparison holds for every key of its span. A key that is not there has version 0 and so on, but no value: comparing that fails. */
export function holds(view: View, compare: Compare): boolean {
  const kvs = [...view.range(spanOf(compare))]
  if (kvs.length === 0) return compare.target !== Target.VALUE && test(compare, absent)
  return kvs.every((kv) => test(compare, kv))
}

function test(compare: Compare, kv: Pick<KeyValue, keyof typeof absent>): boolean {
  const order = difference(compare, kv)
  switch (compare.result) {
    case Result.EQUAL:
      return order === 0
    case Result.NOT_EQUAL:
      return order !== 0
    case Result.GREATER:
      return order > 0
    case Result.LESS:
      return order < 0
    default:
      return true
  }
}

/** Below, at or above 0. An operand that is missing, or of another kind than the target, counts as 0. */
function difference({ target, targetUnion: operand }: Compare, kv: Pick<KeyValue, keyof typeof absent>): number {
  switch (target) {
    case Target.VALUE:
      return Buffer.compare(kv.value, operand.case === 'value' ? operand.value : absent.value)
    case Target.VERSION:
      return sign(kv.version, operand.case === 'version' ? operand.value : 0n)
    case Target.CREATE:
      return sign(kv.createRevision, operand.case === 'createRevision' ? operand.value : 0n)
    case Target.MOD:
      return sign(kv.modRevision, operand.case === 'modRevision' ? operand.value : 0n)
    case Target.LEASE:
      return sign(kv.lease, operand.case === 'lease' ? operand.value : 0n)
    default:
      return 0
  }
}

function sign(a: bigint, b: bigint): number {
  return a < b ? -1 : a > b ? 1 : 0
}
