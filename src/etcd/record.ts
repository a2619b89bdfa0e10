import type { Event as WireEvent, KeyValue as WireKeyValue } from '../gen/etcd/kv_pb.ts'
import { toText } from './bytes.ts'

/** A key, its value, and where in the store's history they stand. Revisions stay below 2^53 for longer than a store lives. */
export interface KeyValue {
  readonly key: Uint8Array
  readonly value: Uint8Array
  /** The key as text. Decoded on each reading. */
  readonly keyText: string
  /** The value as text. Decoded on each reading. */
  readonly text: string
  /** When the key came to be. */
  readonly createRevision: number
  /** When the key was written last. */
  readonly modRevision: number
  /** How often the key was written since it came to be. */
  readonly version: number
  /** Id of the lease it goes with; `0n` for none. */
  readonly lease: bigint
}

/** A change of one key. */
export interface WatchEvent {
  readonly type: 'put' | 'delete'
  /** After the change. A deleted one has its key and `modRevision` (when it was deleted) only. */
  readonly kv: KeyValue
  /** Before the change; where it was asked for, existed, and is not compacted away. */
  readonly previous?: KeyValue
}

/** A class, since getters of an object literal are costly to make. */
class StoredKeyValue implements KeyValue {
  readonly key: Uint8Array
  readonly value: Uint8Array
  readonly createRevision: number
  readonly modRevision: number
  readonly version: number
  readonly lease: bigint

  constructor({ key, value, createRevision, modRevision, version, lease }: Omit<WireKeyValue, '$typeName'>) {
    this.key = key
    this.value = value
    this.createRevision = Number(createRevision)
    this.modRevision = Number(modRevision)
    this.version = Number(version)
    this.lease = lease
  }

  get keyText(): string {
    return toText(this.key)
  }

  get text(): string {
    return toText(this.value)
  }
}

/** From the wire's form. */
export function toKeyValue(kv: WireKeyValue): KeyValue {
  return new StoredKeyValue(kv)
}

const empty = { key: new Uint8Array(0), value: new Uint8Array(0), createRevision: 0n, modRevision: 0n, version: 0n, lease: 0n }

/** From the wire's form. */
export function toEvent(event: WireEvent): WatchEvent {
  const kv = new StoredKeyValue(event.kv ?? empty)
  const type = event.type === 0 ? 'put' : 'delete'
  return event.prevKv === undefined ? { type, kv } : { type, kv, previous: toKeyValue(event.prevKv) }
}
