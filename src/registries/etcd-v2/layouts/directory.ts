import { RpcError } from '../../../error.ts'

/** A prefix as the v2 API has it: a directory, from the root, ending in one `/`. Throws `invalid_argument` for an empty one. */
export function directory(layout: string, prefix: string): string {
  const names = prefix.split('/').filter((name) => name !== '')
  if (names.length === 0 || names.includes('.') || names.includes('..'))
    throw new RpcError('invalid_argument', `${layout}: prefix must name a directory, as in /services/book/, got ${JSON.stringify(prefix)}`)
  return `/${names.join('/')}/`
}
