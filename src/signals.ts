const closers = new Set<() => Promise<void>>()

/**
 * On SIGTERM or SIGINT every closer is called and the process exits, with 0 once all are done, with 1 if one failed.
 * A second signal exits at once. Returns how to take a closer back; without closers signals do what they always do.
 */
export function onSignal(close: () => Promise<void>): () => void {
  if (closers.size === 0) for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, stop)
  closers.add(close)
  return () => {
    closers.delete(close)
    if (closers.size === 0 && !stopping) for (const signal of ['SIGTERM', 'SIGINT'] as const) process.off(signal, stop)
  }
}

let stopping = false

function stop(signal: NodeJS.Signals): void {
  if (stopping) process.exit(signal === 'SIGINT' ? 130 : 143)
  stopping = true
  void Promise.allSettled([...closers].map((close) => close())).then((results) => {
    process.exit(results.every((result) => result.status === 'fulfilled') ? 0 : 1)
  })
}
