import { RpcError } from '../../error.ts'

/** An option that is a number in a range. Throws `invalid_argument` naming it. */
export function checkNumber(name: string, value: number, least: number, most: number): number {
  if (typeof value === 'number' && value >= least && value <= most) return value
  throw new RpcError('invalid_argument', `grpc: ${name} must be a number ${least} … ${most}, got ${String(value)}`)
}
