import { checkNumber } from '../check.ts'
import { type Clock, systemClock } from '../clock.ts'
import { derive } from '../derive.ts'
import type { Middleware } from '../endpoint.ts'

/** What {@link timeout} can be told. */
export interface TimeoutOptions {
  /** Must tell the time that deadlines are given in, as the default does. */
  readonly clock?: Clock | undefined
}

/**
 * Gives every call a deadline of `ms` milliseconds from now, > 0; one that it already has stays, if it is earlier. For streams it is the
 * end of the whole stream. Keeping to it is the transport's business. Throws `invalid_argument` for a bad `ms`.
 */
export function timeout(ms: number, options: TimeoutOptions = {}): Middleware {
  checkNumber('timeout: ms', ms, { above: 0 })
  const { clock = systemClock } = options
  return (next) => (request, context) => {
    const deadline = clock.now() + ms
    return next(request, context.deadline !== undefined && context.deadline <= deadline ? context : derive(context, { deadline }))
  }
}
