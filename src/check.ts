import { RpcError } from './error.ts'

/** What a number option may be. Finite it always has to be. */
export interface Range {
  /** Smallest value that is allowed. */
  readonly min?: number
  /** Values must be greater than this one. */
  readonly above?: number
  /** Largest value that is allowed. */
  readonly max?: number
  readonly integer?: boolean
}

/** Returns `value`. Throws `invalid_argument` naming the option (`retry: attempts`) and its range, when it lies outside. */
export function checkNumber(option: string, value: number, range: Range): number {
  const { min = Number.NEGATIVE_INFINITY, above = Number.NEGATIVE_INFINITY, max = Number.POSITIVE_INFINITY, integer = false } = range
  if (Number.isFinite(value) && value >= min && value > above && value <= max && (!integer || Number.isInteger(value))) return value
  const bounds = [
    ...(range.min === undefined ? [] : [`≥ ${min}`]),
    ...(range.above === undefined ? [] : [`> ${above}`]),
    ...(range.max === undefined ? [] : [`≤ ${max}`]),
  ].join(' and ')
  throw new RpcError('invalid_argument', `${option} must be ${integer ? 'an integer' : 'a number'} ${bounds}, got ${show(value)}`)
}

function show(value: unknown): string {
  return typeof value === 'string' ? JSON.stringify(value) : String(value)
}
