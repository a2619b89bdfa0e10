import { RpcError } from '../../error.ts'
import type { EtcdClient, TxnResult } from '../../etcd/index.ts'
import { type Change, type Changed, type Extent, extentOf, holds, txnOf } from './change.ts'

/** Does changes that are asked for at the same time in few transactions; each succeeds or fails for itself. */
export interface Batches {
  change(change: Change): Promise<Changed>
  /** When etcd answered last, on performance.now()'s clock: whoever still waits is not waiting in vain. */
  readonly movedAt: number
}

/** What etcd takes in one transaction unless it is configured otherwise (`--max-txn-ops`). */
const mostOperations = 128
/** A third of what etcd takes unless it is configured otherwise (`--max-request-bytes`); its gRPC server takes that much in any case. */
const mostBytes = 512 * 1024
/** Transactions under way at a time: while etcd writes one down, the next are on their way. */
const atOnce = 4

interface Waiting extends Extent {
  readonly change: Change
  resolve(changed: Changed): void
  reject(error: RpcError): void
}

/** Nothing waits for more to come: what goes together was asked for in one tick, or while others were under way. */
export function createBatches(client: Pick<EtcdClient, 'name' | 'txn'>): Batches {
  const most = { operations: mostOperations, bytes: mostBytes }
  let waiting: Waiting[] = []
  /** Of what was refused as a whole. */
  const parts: (readonly Waiting[])[] = []
  let underWay = 0
  let due = false
  let movedAt = Number.NEGATIVE_INFINITY

  function schedule(): void {
    if (due) return
    due = true
    setImmediate(() => {
      due = false
      while (underWay < atOnce && parts.length + waiting.length > 0) void send(parts.shift() ?? take())
    })
  }

  /** As many as may go together, the first in any case. */
  function take(): readonly Waiting[] {
    const batch: Waiting[] = []
    const passed: Waiting[] = []
    const keys = new Set<string>()
    let operations = 0
    let bytes = 0
    let seen = 0
    for (const one of waiting) {
      const full = operations + one.operations > most.operations || bytes + one.bytes > most.bytes
      if (full && seen > 0) break
      seen += 1
      // A lease that is gone fails whatever comes with it, and etcd refuses to write a key twice.
      const agrees = one.change.lease === batch[0]?.change.lease && !one.keys.some((key) => keys.has(key))
      if (batch.length > 0 && !agrees) {
        passed.push(one)
        continue
      }
      batch.push(one)
      operations += one.operations
      bytes += one.bytes
      for (const key of one.keys) keys.add(key)
    }
    waiting = [...passed, ...waiting.slice(seen)]
    return batch
  }

  async function send(batch: readonly Waiting[]): Promise<void> {
    underWay += 1
    try {
      const result = await client.txn(txnOf(batch.map(({ change }) => change)))
      movedAt = performance.now()
      answer(batch, result)
    } catch (thrown) {
      refuse(batch, RpcError.from(thrown))
    }
    underWay -= 1
    schedule()
  }

  /** Where only conditions of others do not hold, it goes again. */
  function answer(batch: readonly Waiting[], { succeeded, revision, results }: TxnResult): void {
    const kvs = new Map(results.flatMap((result) => ('get' in result ? result.get.kvs : [])).map((kv) => [kv.keyText, kv]))
    const hold = ({ change }: Waiting): boolean => change.conditions.every((condition) => holds(condition, kvs.get(condition.key)))
    const again = succeeded ? [] : batch.filter(hold)
    if (again.length === batch.length) throw new RpcError('internal', `${client.name}: a transaction failed though its conditions hold`)
    waiting.unshift(...again)
    for (const one of batch.filter((each) => !again.includes(each)))
      one.resolve({ succeeded, revision, found: one.keys.flatMap((key) => kvs.get(key) ?? []) })
  }

  /** One that asks for too much, or for what it may not have, must not fail the others: it is found by halves. */
  function refuse(batch: readonly Waiting[], error: RpcError): void {
    const { code, rawMessage } = error
    if (batch.length === 1 || !(code === 'invalid_argument' || code === 'permission_denied')) {
      for (const one of batch) one.reject(error)
      if (code === 'not_found') giveUp(batch[0]?.change.lease, error)
      return
    }
    if (rawMessage.includes('too many operations')) most.operations = below(sum(batch, 'operations'), most.operations)
    if (rawMessage.includes('too large')) most.bytes = below(sum(batch, 'bytes'), most.bytes)
    const half = Math.ceil(batch.length / 2)
    parts.push(batch.slice(0, half), batch.slice(half))
  }

  /** Whatever else was to go with a lease that is gone need not be sent. */
  function giveUp(lease: bigint | undefined, error: RpcError): void {
    const lost = waiting.filter(({ change }) => change.lease === lease)
    waiting = waiting.filter(({ change }) => change.lease !== lease)
    for (const one of lost) one.reject(error)
  }

  return {
    change: (change) =>
      new Promise((resolve, reject) => {
        waiting.push({ ...extentOf(change), change, resolve, reject })
        schedule()
      }),
    get movedAt() {
      return movedAt
    },
  }
}

function sum(batch: readonly Waiting[], what: 'operations' | 'bytes'): number {
  return batch.reduce((total, one) => total + one[what], 0)
}

/** The limit, or so much less that what was refused is over it. */
function below(refused: number, limit: number): number {
  return limit < refused ? limit : below(refused, Math.ceil(limit / 2))
}
