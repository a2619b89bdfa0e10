import { checkNumber } from './check.ts'

/** How long to wait between tries. */
export interface BackoffOptions {
  /** First wait, in milliseconds. Default 1000. */
  readonly base?: number | undefined
  /** Growth per failure. Default 1.6. */
  readonly factor?: number | undefined
  /** Longest wait before jitter, in milliseconds. Default 120 000. */
  readonly max?: number | undefined
  /** Share of the wait that is random, both ways: 0.2 means ±20 %. Default 0.2. */
  readonly jitter?: number | undefined
  /** Uniform in [0, 1). Default `Math.random`. */
  readonly random?: (() => number) | undefined
}

/** A growing wait. */
export interface Backoff {
  /** Milliseconds to wait before the next try. */
  next(): number
  /** Starts again from `base`, after a success. */
  reset(): void
}

/** Exponential backoff with jitter; the defaults are gRPC's (https://github.com/grpc/grpc/blob/master/doc/connection-backoff.md). */
export function backoff(options: BackoffOptions = {}): Backoff {
  const { base = 1000, factor = 1.6, max = 120_000, jitter = 0.2, random = Math.random } = options
  let failures = 0
  return {
    next: () => Math.min(max, base * factor ** failures++) * (1 + jitter * (2 * random() - 1)),
    reset: () => {
      failures = 0
    },
  }
}

/** Returns `options`. Throws `invalid_argument` naming the one that is out of range (`retry: backoff.base`); what is absent is not looked at. */
export function checkBackoff(where: string, options: BackoffOptions): BackoffOptions {
  const { base, factor, max, jitter } = options
  if (base !== undefined) checkNumber(`${where}.base`, base, { min: 0 })
  if (factor !== undefined) checkNumber(`${where}.factor`, factor, { min: 1 })
  if (max !== undefined) checkNumber(`${where}.max`, max, { min: 0 })
  if (jitter !== undefined) checkNumber(`${where}.jitter`, jitter, { min: 0, max: 1 })
  return options
}
