/** Several signals as one. */
export interface JoinedSignal {
  /** Aborted as soon as one of them is, for its reason. */
  readonly signal: AbortSignal
  /** Follows them no more. */
  release(): void
}

/**
 * What `AbortSignal.any` does, until it is released: that keeps something of each signal it made for as long as the signals it was made of live,
 * which may be as long as the process (https://github.com/nodejs/node/issues/55351).
 */
export function joinSignals(signals: readonly AbortSignal[]): JoinedSignal {
  const controller = new AbortController()
  const releases: (() => void)[] = []
  const release = (): void => {
    for (const forget of releases) forget()
  }
  for (const signal of signals) {
    const abort = (): void => {
      release()
      controller.abort(signal.reason)
    }
    if (signal.aborted) abort()
    else {
      signal.addEventListener('abort', abort)
      releases.push(() => signal.removeEventListener('abort', abort))
    }
  }
  return { signal: controller.signal, release }
}
