import { type BackoffOptions, backoff, checkBackoff } from '../backoff.ts'
import { checkNumber } from '../check.ts'
import { type Clock, sleep, systemClock } from '../clock.ts'
import { derive } from '../derive.ts'
import { type Context, type Endpoint, invoke, type Middleware } from '../endpoint.ts'
import { type Attempt, RpcError } from '../error.ts'
import type { Instance } from '../registry.ts'
import { streamsRequest, Untouched } from '../stream.ts'
import { type RetryBudget, retryBudget } from './retry-budget.ts'

/** What {@link retry} can be told. */
export interface RetryOptions {
  /** How often the call is made in all, the first time included; an integer ≥ 1. Default 3. */
  readonly attempts?: number | undefined
  /** For all attempts and the waits between them, in milliseconds, > 0; an earlier deadline of the call stays. Default: the call's deadline. */
  readonly timeout?: number | undefined
  /** For each attempt, in milliseconds, > 0. Default: what is left of the whole. */
  readonly perTry?: number | undefined
  /** Waits between attempts. Default: 25 ms × 2 up to 1 s, ±50 %. */
  readonly backoff?: BackoffOptions | undefined
  /** Whether an error may be answered with another attempt, in place of the rule that {@link retry} tells. */
  readonly retryable?: ((error: RpcError, context: Context) => boolean) | undefined
  /** Bounds the share of retries among calls; `false` for no bound. Default: one of its own, `retryBudget()`. */
  readonly budget?: RetryBudget | false | undefined
  /** Uniform in [0, 1). Default `Math.random`. */
  readonly random?: (() => number) | undefined
  /** Must tell the time that deadlines are given in, as the default does. */
  readonly clock?: Clock | undefined
}

const unbounded: RetryBudget = { deposit: () => {}, withdraw: () => true }

/**
 * Makes a call that failed again, at another node if there is one, where that is safe: always when the call was certainly not processed,
 * otherwise when the method is idempotent and the error is `unavailable`, or the `perTry` time was up. A stream of requests is never
 * sent again once it was read from, and a stream of responses never restarted once it was there. The error that remains has the code of
 * the last one and every attempt in `attempts`. Throws `invalid_argument` naming the option.
 */
export function retry(options: RetryOptions = {}): Middleware {
  const { timeout, perTry, clock = systemClock, random = Math.random } = options
  const attempts = checkNumber('retry: attempts', options.attempts ?? 3, { min: 1, integer: true })
  if (timeout !== undefined) checkNumber('retry: timeout', timeout, { above: 0 })
  if (perTry !== undefined) checkNumber('retry: perTry', perTry, { above: 0 })
  const waits = checkBackoff('retry: backoff', { base: 25, factor: 2, max: 1000, jitter: 0.5, random, ...options.backoff })
  const budget = options.budget === false ? unbounded : (options.budget ?? retryBudget({ clock: options.clock }))

  function mayRepeat(error: RpcError, context: Context, ownTimeout: boolean): boolean {
    if (options.retryable !== undefined) return options.retryable(error, context)
    if (error.code === 'canceled') return false
    if (error.unprocessed) return true
    return context.method.idempotent && (error.code === 'unavailable' || (ownTimeout && error.code === 'deadline_exceeded'))
  }

  /** What every call begins with. Nearly all calls succeed, so that nothing here is made for those that do not. */
  function call<Req, Res>(next: Endpoint<Req, Res>, request: Req, context: Context): Promise<Res> {
    const stream = streamsRequest(context.method.kind) ? new Untouched(request as AsyncIterable<unknown>) : undefined
    const end = earlier(context.deadline, timeout === undefined ? undefined : clock.now() + timeout)
    const deadline = perTry === undefined ? end : earlier(end, clock.now() + perTry)
    budget.deposit()
    const first = invoke(next, (stream ?? request) as Req, deadline === context.deadline ? context : derive(context, { deadline }))
    return first.then(undefined, (thrown: unknown) => again(next, request, context, stream, end, deadline, thrown))
  }

  async function again<Req, Res>(
    next: Endpoint<Req, Res>,
    request: Req,
    context: Context,
    stream: Untouched<unknown> | undefined,
    end: number | undefined,
    firstDeadline: number | undefined,
    firstThrown: unknown,
  ): Promise<Res> {
    const failed: Attempt[] = []
    const wait = backoff(waits)
    let deadline = firstDeadline
    let thrown = firstThrown
    for (let attempt = 1; ; attempt++) {
      const error = RpcError.from(thrown)
      failed.push(...attemptsOf(error, context.instance))
      const ended = attempt === attempts || stream?.touched || context.signal?.aborted || !mayRepeat(error, context, deadline !== end)
      if (ended && attempt === 1) throw thrown
      if (ended) throw summary(error, failed)
      const pause = wait.next()
      if (end !== undefined && clock.now() + pause >= end) {
        // Where nobody was found to try, that is all there is to say.
        throw attempt === 1 && context.instance === undefined ? thrown : summary(error, failed, 'no time is left for another')
      }
      if (!budget.withdraw()) throw summary(error, failed, 'the retry budget is spent')
      await sleep(clock, pause, { signal: context.signal, keepAlive: !context.background }).catch((cause: RpcError) => {
        throw summary(cause, failed)
      })
      context.instance = undefined
      deadline = earlier(end, perTry === undefined ? undefined : clock.now() + perTry)
      const tried = [...(context.tried ?? []), ...instancesOf(failed)]
      try {
        return await next((stream ?? request) as Req, derive(context, { deadline, tried }))
      } catch (another) {
        thrown = another
      }
    }
  }

  return (next) => (request, context) => call(next, request, context)
}

function earlier(a: number | undefined, b: number | undefined): number | undefined {
  return a === undefined || (b !== undefined && b < a) ? b : a
}

/** The attempts that an error tells of, where the channel made several, or the one it stands for. */
function attemptsOf(error: RpcError, instance: Instance | undefined): readonly Attempt[] {
  if (error.attempts.length > 0) return error.attempts
  return [instance === undefined ? { error } : { instance: instance.id, address: instance.address, error }]
}

function instancesOf(attempts: readonly Attempt[]): readonly string[] {
  return attempts.flatMap(({ instance }) => instance ?? [])
}

function summary(last: RpcError, attempts: readonly Attempt[], reason?: string): RpcError {
  const addresses = [...new Set(attempts.flatMap(({ address }) => address ?? []))]
  const count = `after ${attempts.length} ${attempts.length === 1 ? 'attempt' : 'attempts'}`
  const where = addresses.length === 0 ? '' : ` at ${addresses.join(', ')}`
  const { code, rawMessage, details, metadata, outbound } = last
  return new RpcError(code, `${rawMessage} (${count}${where}${reason === undefined ? '' : `; ${reason}`})`, {
    cause: last,
    details,
    metadata,
    outbound,
    unprocessed: attempts.every(({ error }) => error.unprocessed),
    attempts,
  })
}
