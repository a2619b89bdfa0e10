import { hash } from 'node:crypto'
import { parseAddress } from '../../address.ts'
import type { KeyValue } from '../../etcd/index.ts'
import type { Logger } from '../../logger.ts'
import type { Instance } from '../../registry.ts'
import type { Layout } from './layout.ts'
import { createSharing } from './sharing.ts'

/** What a record says. The record itself is mostly larger, and only kept where it is needed. */
export interface Entry {
  /** The record, or of a longer one its SHA-1. */
  readonly print: string
  /** The record as it is in etcd. */
  readonly value?: string
  /** None where the record is malformed or belongs to another service. */
  readonly instances: readonly Instance[]
}

/** Reads the records of one service in one layout. */
export interface RecordReader {
  /** What a record says; `before` where it says what it said. Warns once about what cannot be read, and never throws. */
  read(kv: Pick<KeyValue, 'keyText' | 'text'>, before: Entry | undefined): Entry
}

/** Characters of a SHA-1 in base64; no record that is its own print is as long. */
const printLength = 28

/** A reader for one service in one layout, which may `keep` the records themselves. */
export function createRecordReader(layout: Layout, service: string, logger: Logger, keep = false): RecordReader {
  const doubted = new Set<string>()
  const share = createSharing()

  function decode(key: string, value: string): readonly Instance[] {
    try {
      const instances = layout.decode(key, value, service)
      for (const { address } of instances) parseAddress(address)
      return instances.map(share)
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause)
      logger.warn({ key, value: value.slice(0, 200), layout: layout.name, reason }, `record ${key} skipped: ${reason}`)
      return []
    }
  }

  return {
    read({ keyText: key, text: value }, before) {
      const print = value.length < printLength ? value : hash('sha1', value, 'base64')
      if (before?.print === print) return before
      const doubt = layout.doubt?.(key, service)
      if (doubt !== undefined && !doubted.has(key)) {
        doubted.add(key)
        logger.warn({ key, layout: layout.name }, `record ${key}: its key ${doubt}`)
      }
      return { print, ...(keep && { value }), instances: decode(key, value) }
    },
  }
}
