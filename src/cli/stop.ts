import { constants } from 'node:os'

const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

let controller: AbortController | undefined

/**
 * Aborted when the command shall end: by a signal, or because nobody reads its output any more. The reason is the signal's name, or `EPIPE`.
 * A second signal exits at once.
 */
export function stopSignal(): AbortSignal {
  if (controller !== undefined) return controller.signal
  const made = new AbortController()
  controller = made
  for (const name of signals)
    process.on(name, () => {
      if (made.signal.aborted) process.exit(128 + constants.signals[name])
      made.abort(name)
    })
  return made.signal
}

/** The exit code of a command that was cut short by {@link stopSignal}: 128 + the signal's number. */
export function stopCode(signal: AbortSignal): number {
  return signal.reason === 'EPIPE' ? 128 + constants.signals.SIGPIPE : 128 + constants.signals[signal.reason as NodeJS.Signals]
}

/** Ends the command quietly when the reader of its output goes away, as `head` does: by {@link stopSignal} where it is used, else at once. */
export function watchOutput(): void {
  process.stdout.on('error', () => {
    if (controller === undefined) process.exit(0)
    if (!controller.signal.aborted) controller.abort('EPIPE')
  })
  process.stderr.on('error', () => {})
}
