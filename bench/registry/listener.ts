import { now } from './clock.ts'
import { type Command, serve, tell } from './commands.ts'

/** What a listener tells the bench with. */
export interface Listener {
  /** Call at every change, with the number of instances there are then. */
  changed(size: number): void
}

/**
 * A program of the bench that follows a set. `follow` resolves with the size of the whole set once that is known; it gets the address of etcd
 * and the prefix. The Go programs say and understand the same.
 */
export async function listen(
  follow: (address: string, prefix: string, listener: Listener) => Promise<number>,
  more: Readonly<Record<string, Command>> = {},
): Promise<void> {
  const [, , address = '', prefix = ''] = process.argv
  let changes = 0
  let telling = false
  const begin = now()
  let size = await follow(address, prefix, {
    changed(to) {
      const at = now()
      changes += 1
      size = to
      if (telling) tell({ at })
    },
  })
  tell({ size, listMs: now() - begin })
  serve({
    tell() {
      telling = true
      return {}
    },
    usage() {
      const { user, system } = process.cpuUsage()
      return { cpuUs: user + system, changes, size }
    },
    ...more,
  })
}
