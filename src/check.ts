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

/** Throws `invalid_argument` naming the option, unless `value` has a method of this name; `made` says what has, as in `etcd()`. */
export function checkMade(option: string, value: unknown, method: string, made: string): void {
  if (typeof (value as Record<string, unknown> | null | undefined)?.[method] !== 'function')
    throw new RpcError('invalid_argument', `${option} must be what ${made} makes, got ${show(value)}`)
}

/** Throws `invalid_argument` naming the option, unless it is absent or a list of functions. */
export function checkFunctions(option: string, values: unknown): void {
  if (values !== undefined && !(Array.isArray(values) && values.every((one) => typeof one === 'function')))
    throw new RpcError('invalid_argument', `${option} must be a list of functions, got ${show(values)}`)
}

/** Throws `invalid_argument` naming the option, unless it is absent or a text that is not empty. */
export function checkText(option: string, value: unknown): void {
  if (value !== undefined && (typeof value !== 'string' || value === ''))
    throw new RpcError('invalid_argument', `${option} must be a non-empty string, got ${show(value)}`)
}

function show(value: unknown): string {
  if (typeof value === 'function') return `the function ${value.name || 'itself'}`
  if (Array.isArray(value)) return `[${value.map(show).join(', ')}]`
  return typeof value === 'string' ? JSON.stringify(value) : String(value)
}
