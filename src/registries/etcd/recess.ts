import type { Store } from './store.ts'

/** A pause for all who have met the same error: they try again together, no more often than one of them would. */
export interface Recess {
  /** Ends with the pause that is being made for the same code, if there is one; otherwise after `ms` milliseconds, or when etcd can be reached. */
  pause(ms: number, code: string): Promise<void>
}

/** Without a recess, thousands who wait for random times make a hot loop, and requests of few changes each. */
export function createRecess(client: Pick<Store, 'pause'>): Recess {
  const going = new Map<string, Promise<void>>()
  return {
    pause(ms, code) {
      // Whose records are touched again and again waits for longer and longer, and for itself.
      if (code === 'aborted') return client.pause(ms)
      const pause = going.get(code) ?? client.pause(ms).finally(() => going.delete(code))
      going.set(code, pause)
      return pause
    },
  }
}
