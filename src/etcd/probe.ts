import { RpcError } from '../error.ts'
import type { Caller } from './caller.ts'

/** Finds out that a stream is dead though its connection looks alive: the peer is half-open, hung or held up. */
export interface Probe {
  start(): void
  /** The peer owes an answer from now on. */
  asked(): void
  /** Something came from the peer. */
  heard(): void
  stop(): void
}

/** The peer, as a {@link Probe} sees it. */
export interface Probed {
  /** Whether an answer is owed that every version of etcd gives. */
  owes(): boolean
  /** Asks for a sign of life. */
  ask(): void
  /** Called once, after which the probe has stopped. */
  dead(error: RpcError): void
}

/**
 * Asks for a sign of life when nothing has come for the keep-alive interval. etcd before 3.4 does not answer that; therefore
 * such silence only counts once an answer has been seen.
 */
export function createProbe({ clock, keepalive }: Pick<Caller, 'clock' | 'keepalive'>, peer: Probed): Probe {
  let state: 'stopped' | 'quiet' | 'probing' | 'owed' = 'stopped'
  let answers = false
  let heardAt = 0
  let callOff = (): void => {}

  function enter(next: typeof state, ms: number, then: () => void): void {
    callOff()
    state = next
    callOff = clock.after(ms, then)
  }

  function listen(left = keepalive.interval): void {
    enter('quiet', left, () => {
      const rest = heardAt + keepalive.interval - clock.now()
      if (rest > 0) return listen(rest)
      peer.ask()
      enter('probing', keepalive.timeout, () => (answers ? silent(keepalive.interval + keepalive.timeout) : hear()))
    })
  }

  /** Most messages come one after the other: noting when costs less than a new timer for each. */
  function hear(): void {
    heardAt = clock.now()
    if (state !== 'quiet') listen()
  }

  function wait(): void {
    enter('owed', keepalive.timeout, () => silent(keepalive.timeout))
  }

  function silent(ms: number): void {
    state = 'stopped'
    peer.dead(new RpcError('unavailable', `nothing heard on the watch stream for ${ms} ms`, { outbound: true }))
  }

  return {
    start: hear,
    asked() {
      if (state === 'quiet' || state === 'probing') wait()
    },
    heard() {
      if (state === 'stopped') return
      answers ||= state === 'probing'
      if (peer.owes()) wait()
      else hear()
    },
    stop() {
      callOff()
      state = 'stopped'
    },
  }
}
