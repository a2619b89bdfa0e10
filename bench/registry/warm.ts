import { setTimeout as delay } from 'node:timers/promises'
import type { Fleet } from './fleet.ts'
import type { Program } from './program.ts'

/**
 * Changes as fast as etcd takes them, for a listener whose functions are compiled once they have been called often. It may be told of
 * several at once, so that it is done when it is told of no more.
 */
export async function warmUp(fleet: Fleet, listener: Program, count: number): Promise<void> {
  for (let i = 0; i < count; i++) await fleet.change()
  for (let before = -1, seen = 0; seen > before; ) {
    await delay(200)
    before = seen
    seen = (await listener.ask('usage')).changes ?? 0
  }
}
