import { RpcError } from '../error.ts'
import { Lease as LeaseService } from '../gen/etcd/rpc_pb.ts'
import type { Caller } from './caller.ts'
import { type LeaseInput, type LeaseKnowledge, type LeaseOutput, stepLease } from './lease-state.ts'
import { createStream } from './stream.ts'

/** A lease as the keep-alive sees it. */
export interface Kept {
  readonly id: bigint
  /** Time to live as granted, in milliseconds. */
  readonly ttl: number
  /** How often it is renewed, in milliseconds. */
  readonly heartbeat: number
  /** Until when it certainly lives, on the clock: counted from when the last acknowledged keep-alive was sent. */
  deadline: number
  /** Called once, when it is known or must be assumed to have expired. */
  lose(error: RpcError): void
}

/** Keeps all leases of a client alive over one stream. */
export interface KeepAlive {
  add(lease: Kept): void
  remove(lease: Kept): void
}

interface Entry {
  readonly lease: Kept
  known: LeaseKnowledge
  callOffBeat: () => void
  callOffExpiry: () => void
}

const nothing = (): void => {}

/**
 * The stream is opened for the first lease and ended with the last. A keep-alive that is not answered within a third of
 * the time to live is taken as a dead connection: there is time for another endpoint before the lease is lost.
 */
export function createKeepAlive(caller: Caller): KeepAlive {
  const { clock, random, link } = caller
  const entries = new Map<bigint, Entry>()
  const stream = createStream(caller, LeaseService.method.leaseKeepAlive, {
    onOpen() {
      for (const entry of entries.values()) beat(entry)
    },
    // What is left of the shortest is to do for another try.
    patience: () => Math.min(...[...entries.values()].map(({ lease }) => lease.deadline - clock.now())) / 2,
    onMessage({ ID, TTL }) {
      const entry = entries.get(ID)
      if (entry === undefined) return
      const output = step(entry, { type: 'answered', ttl: Number(TTL) * 1000 })
      if (output === 'refused') lose(entry, new RpcError('not_found', `${link.name}: the lease has expired or was revoked`))
      else if (output === 'renewed') {
        entry.lease.deadline = entry.known.deadline
        schedule(entry)
      }
    },
    onBroken() {
      for (const entry of entries.values()) {
        rest(entry)
        step(entry, { type: 'broken' })
      }
    },
  })

  function step(entry: Entry, input: LeaseInput): LeaseOutput {
    const [known, output] = stepLease(entry.known, input)
    entry.known = known
    return output
  }

  function beat(entry: Entry): void {
    rest(entry)
    step(entry, { type: 'sent', at: clock.now() })
    stream.send({ ID: entry.lease.id })
    const patience = Math.min(entry.lease.ttl / 3, caller.timeout)
    entry.callOffBeat = clock.after(patience, () => {
      const error = new RpcError('unavailable', `no answer to a keep-alive for ${Math.round(patience)} ms`, { outbound: true })
      stream.fail(error, { stalled: true })
    })
  }

  /** Up to 10 % later, so that the processes of a fleet that was started at once do not stay in step; never sooner. */
  function schedule(entry: Entry): void {
    rest(entry)
    entry.callOffBeat = clock.after(entry.lease.heartbeat * (1 + 0.1 * random()), () => beat(entry))
  }

  function rest(entry: Entry): void {
    entry.callOffBeat()
    entry.callOffBeat = nothing
  }

  function watchExpiry(entry: Entry): void {
    entry.callOffExpiry = clock.after(Math.max(0, entry.lease.deadline - clock.now()), () => {
      if (step(entry, { type: 'passed', at: clock.now() }) !== 'expired') return watchExpiry(entry)
      const seconds = entry.lease.ttl / 1000
      lose(entry, new RpcError('deadline_exceeded', `${link.name}: the lease was not renewed for its ${seconds} s and must have expired`))
    })
  }

  function lose(entry: Entry, error: RpcError): void {
    remove(entry.lease)
    entry.lease.lose(error)
  }

  function remove(lease: Kept): void {
    const entry = entries.get(lease.id)
    if (entry === undefined) return
    rest(entry)
    entry.callOffExpiry()
    entries.delete(lease.id)
    if (entries.size === 0) stream.stop()
  }

  return {
    add(lease) {
      const known: LeaseKnowledge = { status: 'held', deadline: lease.deadline, sentAt: undefined }
      const entry: Entry = { lease, known, callOffBeat: nothing, callOffExpiry: nothing }
      entries.set(lease.id, entry)
      watchExpiry(entry)
      schedule(entry)
      stream.start()
    },
    remove,
  }
}
