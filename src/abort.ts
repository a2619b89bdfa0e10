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
  for (const signal of signals) signal.addEventListener('abort', follow)
  follow()
  return { signal: controller.signal, release }

  function follow(): void {
    const first = signals.find(({ aborted }) => aborted)
    if (first === undefined) return
    release()
    controller.abort(first.reason)
  }
  function release(): void {
    for (const signal of signals) signal.removeEventListener('abort', follow)
  }
}
