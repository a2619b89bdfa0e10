import { RpcError } from '../../error.ts'

/** An option that is a number in a range. Throws `invalid_argument` naming it. */
export function checkNumber(name: string, value: number, least: number, most: number): number {
  return checked(name, value, least, most, 'number')
}

/** An option that is a whole number in a range, as bytes and counts are. Throws `invalid_argument` naming it. */
export function checkCount(name: string, value: number, least: number, most: number): number {
  return checked(name, value, least, most, 'whole number')
}

/** An option that is true or false. Throws `invalid_argument` naming it. */
export function checkBoolean(name: string, value: boolean): boolean {
  if (typeof value === 'boolean') return value
  throw new RpcError('invalid_argument', `grpc: ${name} must be true or false, got ${String(value)}`)
}

function checked(name: string, value: number, least: number, most: number, what: 'number' | 'whole number'): number {
  if (typeof value === 'number' && value >= least && value <= most && (what === 'number' || Number.isInteger(value))) return value
  throw new RpcError('invalid_argument', `grpc: ${name} must be a ${what} ${least} … ${most}, got ${String(value)}`)
}
