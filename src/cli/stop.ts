import { constants } from 'node:os'
import { exitCodes, type Failure, failure, report } from './exit.ts'

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

/** How a command ends that was cut short by {@link stopSignal}: with 128 + the signal's number, and silently when nobody reads its output. */
export function stopped({ reason }: AbortSignal): Failure {
  if (reason === 'EPIPE') return failure(128 + constants.signals.SIGPIPE, '')
  return failure(128 + constants.signals[reason as NodeJS.Signals], `stopped by ${reason}`)
}

/** Ends the command quietly when the reader of its output goes away, as `head` does: by {@link stopSignal} where it is used, else at once. Output that is lost otherwise is a failure. */
export function watchOutput(): void {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') process.exit(report(failure(exitCodes.failed, `output cannot be written: ${error.message}`)))
    if (controller === undefined) process.exit(0)
    if (!controller.signal.aborted) controller.abort('EPIPE')
  })
  process.stderr.on('error', () => {})
}
